"""LazyFrame -> LazyFrame and LazyFrame -> figure, for recorded sessions; needs no live system."""

from hftlab.analysis.latency import latency, latency_figure, latency_summary
from hftlab.analysis.quality import holes
from hftlab.analysis.quotes import mid_figure, quotes
from hftlab.analysis.trades import bars, trades

__all__ = ["bars", "holes", "latency", "latency_figure", "latency_summary", "mid_figure", "quotes", "trades"]
