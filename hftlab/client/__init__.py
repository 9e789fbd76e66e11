"""The streaming client."""

from hftlab.client import diagnostics
from hftlab.client.client import EVENTS, Client
from hftlab.client.histogram import LatencyHistogram
from hftlab.client.metrics import Metrics

__all__ = ["EVENTS", "Client", "LatencyHistogram", "Metrics", "diagnostics"]
