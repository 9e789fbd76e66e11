"""Analyses of recorded sessions: functions from LazyFrame to LazyFrame, and from LazyFrame to figure."""

from hftlab.analysis.arbitrage import caught, consolidated, opportunities
from hftlab.analysis.arbitrage_figures import caught_figure, crossing_figure, lifetime_figure
from hftlab.analysis.backtest_figures import equity_figure, inventory_figure
from hftlab.analysis.book_heat import BookHeat, book_heat, trade_heat
from hftlab.analysis.coverage import covered_share
from hftlab.analysis.coverage_figures import coverage_figure
from hftlab.analysis.event_tables import event_quotes, event_trades
from hftlab.analysis.figure_style import new_figure
from hftlab.analysis.fill_figures import fills_figure, queue_position_figure
from hftlab.analysis.fill_score_figures import fill_scores_figure
from hftlab.analysis.fill_scores import fill_scores
from hftlab.analysis.fills import fills
from hftlab.analysis.latency import latency, latency_figure, latency_summary, percentile_figure
from hftlab.analysis.order_book_figures import depth_figure, queue_figure, spread_figure
from hftlab.analysis.price_figures import price_figure
from hftlab.analysis.quality import late_messages, sequence_gaps
from hftlab.analysis.quotes import mid_figure, quotes
from hftlab.analysis.rejections import rejections
from hftlab.analysis.stylised_facts import (
    autocorrelation,
    autocorrelation_figure,
    returns,
    spread_distribution,
    stylised_facts,
    tail_exponent,
    trade_signs,
)
from hftlab.analysis.timeline import timeline
from hftlab.analysis.trades import bars, trades
from hftlab.analysis.trading_figures import trading_figure

__all__ = [
    "BookHeat",
    "autocorrelation",
    "autocorrelation_figure",
    "bars",
    "book_heat",
    "caught",
    "caught_figure",
    "consolidated",
    "coverage_figure",
    "covered_share",
    "crossing_figure",
    "depth_figure",
    "equity_figure",
    "event_quotes",
    "event_trades",
    "fill_scores",
    "fill_scores_figure",
    "fills",
    "fills_figure",
    "inventory_figure",
    "late_messages",
    "latency",
    "latency_figure",
    "latency_summary",
    "lifetime_figure",
    "mid_figure",
    "new_figure",
    "opportunities",
    "percentile_figure",
    "price_figure",
    "queue_figure",
    "queue_position_figure",
    "quotes",
    "rejections",
    "returns",
    "sequence_gaps",
    "spread_distribution",
    "spread_figure",
    "stylised_facts",
    "tail_exponent",
    "timeline",
    "trade_heat",
    "trade_signs",
    "trades",
    "trading_figure",
]
