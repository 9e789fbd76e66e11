"""The report as one self-contained HTML page, light or dark as the reader's system is, and fit to be printed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Final, NamedTuple

from hftlab import analysis
from hftlab.html_table import facts_table, rows_table
from hftlab.lab import LabClient
from hftlab.palette import DARK, LIGHT, MONO, SANS, Role
from hftlab.report.comparison import Comparison
from hftlab.report.price_chart import price_chart
from hftlab.session import Session
from hftlab.widgets import Ladder, LatencyPanel

__all__ = ["Pictures", "write_report"]

_PAGE: Final = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>hftlab demo</title>
<style>
{style}
</style></head><body>
<header><h1>hftlab demo</h1><p class="sub">{subtitle}</p></header>
{verdict}
<section><h2>Mid prices</h2><div class="prices">{prices}</div></section>
<div class="pictures"><section><h2>Order book at the end</h2>{ladder}</section>
<section><h2>Latency, server's send to client's receive</h2>{latency}</section></div>
<section><h2>Recording</h2>{facts}</section>
</body></html>
"""
_STYLE: Final = """:root {{ color-scheme: light dark; {light} }}
@media screen and (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}
* {{ box-sizing: border-box; }}
body {{ background: var(--paper); color: var(--ink); font: 15px/1.5 {sans}; max-width: 76rem; margin: 0 auto;
  padding: 1.5rem 1rem 3rem; }}
h1 {{ font-size: 1.5rem; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }}
h2 {{ font-size: 1.05rem; margin: 2.2rem 0 .6rem; }}
.sub {{ color: var(--muted); margin: .2rem 0 1.2rem; }}
.verdict {{ border: 1px solid var(--line); border-left: 6px solid var(--good); border-radius: 6px;
  padding: .9rem 1.1rem; }}
.verdict.bad {{ border-left-color: var(--warn); background: var(--tint); }}
.verdict p {{ font-size: 1.15rem; font-weight: 600; margin: 0; }}
.counts {{ display: flex; flex-wrap: wrap; gap: .4rem 2.2rem; margin: .7rem 0 0; }}
.counts div {{ min-width: 6rem; }}
.counts dt {{ color: var(--muted); font-size: .85rem; }}
.counts dd {{ font: 600 1.35rem {mono}; margin: 0; }}
.counts .bad dd {{ color: var(--warn); }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; margin-top: 1rem; }}
caption {{ font-weight: 600; padding: .3rem 0; }}
th, td {{ border-top: 1px solid var(--line); padding: .25rem 1.2rem .25rem 0; font-weight: 400; text-align: left;
  vertical-align: top; }}
th {{ color: var(--muted); }}
td {{ overflow-wrap: anywhere; }}
.verdict td {{ font-family: {mono}; font-size: .85rem; overflow-wrap: normal; }}
.prices {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 17rem), 1fr)); gap: .8rem; }}
.prices svg {{ border: 1px solid var(--line); border-radius: 5px; width: 100%; display: block; font-family: {sans}; }}
.price text {{ fill: var(--ink); font-size: 10.5px; white-space: pre; }}
.price .name {{ font-size: 13px; font-weight: 600; }}
.price .figure {{ font-family: {mono}; }}
.price .muted {{ fill: var(--muted); }} .price .up {{ fill: var(--bid); }} .price .down {{ fill: var(--ask); }}
.price path {{ fill: none; stroke: var(--bid); stroke-width: 1.5; stroke-linejoin: round; }}
.price .grid {{ stroke: var(--line); stroke-width: .7; }}
.pictures {{ display: flex; flex-wrap: wrap; gap: 0 2rem; align-items: flex-start; }}
.pictures section {{ flex: 1 1 26rem; min-width: 0; max-width: 38rem; }}
.pictures svg {{ width: 100%; height: auto; }}
{pictures}
@media print {{ body {{ max-width: none; padding: 0; font-size: 12px; }}
  section, .verdict, svg, tr {{ break-inside: avoid; }} .prices {{ grid-template-columns: repeat(2, 1fr); }} }}"""


class Pictures(NamedTuple):
    """SVG pictures of a client that is connected: the order book of one symbol, and the latencies."""

    ladder: str
    latency: str

    @classmethod
    def of(cls, client: LabClient, symbol: str) -> Pictures:
        return cls(_svg(Ladder(client, symbol)), _svg(LatencyPanel(client)))


def write_report(
    path: Path, session: Session, pictures: Pictures, comparison: Comparison, facts: Mapping[str, str]
) -> Path:
    """Write the page of a demo; it needs no network.

    What was lost and what differs come first; then prices of the session, and the pictures of the client; then `facts`,
    by which the run can be repeated, and those of the session.
    """
    manifest = session.manifest
    recording = {
        "source": str(manifest.source.get("name", "")),
        "symbols": ", ".join(manifest.symbols),
        "messages in all": f"{manifest.messages:,}",
        "duration": f"{session.duration:.1f} s",
        "size on disk": f"{manifest.size / 1e3:,.0f} kB",
        "folder": str(session.folder),
    }
    page = _PAGE.format(
        subtitle=escape(" · ".join(f"{name} {value}" for name, value in facts.items())),
        style=_style(),
        verdict=_verdict(comparison),
        prices=_prices(session),
        ladder=pictures.ladder,
        latency=pictures.latency,
        facts=facts_table("", {**facts, **recording}),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    return path


def _style() -> str:
    # The pictures know light and dark by themselves, but not that paper is light.
    pictures = " ".join(f".pictures .hftlab-{role} {{ fill: var(--{role}); }}" for role in LIGHT)
    return _STYLE.format(light=_variables(LIGHT), dark=_variables(DARK), pictures=pictures, sans=SANS, mono=MONO)


def _variables(colours: Mapping[Role, str]) -> str:
    return " ".join(f"--{role}: {colour};" for role, colour in colours.items())


def _verdict(found: Comparison) -> str:
    tables = ""
    if found.gaps:
        heads = ("channel", "first sequence", "last sequence", "missing between them")
        tables += _table("Messages missing from the recording", heads, found.gaps)
    if found.differences:
        shown = f"the first {len(found.differences):,} of {found.differing:,}"
        caption = "Where the replay differs" + (f": {shown}" if found.differing > len(found.differences) else "")
        tables += _table(caption, ("message", "symbol", "field", "recorded", "replayed"), found.differences)
    counts = (
        ("lost", found.lost, bool(found.lost)),
        ("differ in the replay", found.differing, bool(found.differing)),
        ("messages recorded", found.recorded, not found.recorded),
        ("messages replayed", found.replayed, False),
    )
    figures = "".join(
        f'<div class="{"bad" if is_bad else "good"}"><dt>{name}</dt><dd>{count:,}</dd></div>'
        for name, count, is_bad in counts
    )
    kind = "verdict" if found.is_perfect else "verdict bad"
    return f'<section class="{kind}"><p>{_sentence(found)}</p><dl class="counts">{figures}</dl>{tables}</section>'


def _sentence(found: Comparison) -> str:
    if found.is_perfect:
        return "Nothing was lost, and the replay equals the recording, message for message."
    if not found.recorded:
        return "Nothing was recorded."
    lost = f"{found.lost:,} message{'' if found.lost == 1 else 's'} of the live stream lost" if found.lost else ""
    differ = f"{found.differing:,} of {found.recorded:,} differ in the replay" if found.differing else ""
    return "; ".join(filter(None, (lost, differ))) + "."


def _table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    return f'<div class="wide">{rows_table(caption, heads, rows)}</div>'


def _prices(session: Session) -> str:
    frame = analysis.quotes(session.market_data).select("symbol", "ts_event", "mid").collect()
    by_symbol = {str(symbol): line for (symbol,), line in frame.group_by("symbol")}
    charts = []
    for symbol in session.manifest.symbols:
        line = by_symbol.get(symbol)
        times, prices = ([], []) if line is None else (line["ts_event"].to_list(), line["mid"].to_list())
        charts.append(price_chart(symbol, times, prices))
    return "".join(charts) or "<p>No prices.</p>"


def _svg(widget: Ladder | LatencyPanel) -> str:
    try:
        return str(widget.picture()._repr_svg_())
    finally:
        widget.close()
