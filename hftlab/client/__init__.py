"""The streaming client."""

from hftlab.client.client import EVENTS, Client
from hftlab.client.metrics import LatencyHistogram, Metrics

__all__ = ["EVENTS", "Client", "LatencyHistogram", "Metrics"]
