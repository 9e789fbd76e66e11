"""Turns venues' capture files and simulated trading days into sessions."""

from hftlab.ingest.importing import FORMATS, Imported, import_capture
from hftlab.ingest.simulation import Simulated, exchange_on, record_simulation

__all__ = ["FORMATS", "Imported", "Simulated", "exchange_on", "import_capture", "record_simulation"]
