"""Lines of a venue that carry the same numbered messages, put together: A/B arbitration."""

from hftlab.venues.arbitration.arbiter import Arbiter, ArbitrationStats, Gap, Ordered

__all__ = ["Arbiter", "ArbitrationStats", "Gap", "Ordered"]
