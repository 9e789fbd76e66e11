"""The places of own orders in their queues: a live widget, and its static picture."""

from hftlab.widgets.queue.picture import queue_svg
from hftlab.widgets.queue.widget import QueuePosition

__all__ = ["QueuePosition", "queue_svg"]
