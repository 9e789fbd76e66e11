"""A session as one self-contained HTML page: the ladder, the mid price, the latency histogram."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Final

from hftlab import analysis
from hftlab.html_table import facts_table
from hftlab.lab import LabClient
from hftlab.session import Session
from hftlab.widgets import Ladder, LatencyPanel

__all__ = ["write_report"]

_PAGE: Final = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }}
h1 {{ font-size: 1.5rem; }} h2 {{ font-size: 1.1rem; margin-top: 2rem; }}
table {{ border-collapse: collapse; }} caption {{ font-weight: 600; padding: .3rem 0; }}
th, td {{ padding: .15rem 1rem .15rem 0; font-weight: 400; vertical-align: top; }}
.row {{ display: flex; flex-wrap: wrap; gap: 1.5rem; }} svg {{ max-width: 100%; height: auto; }}
</style></head><body>
<h1>{title}</h1>
{facts}
<div class="row"><section><h2>Order book at the end</h2>{ladder}</section>
<section><h2>Latency, server's send to client's receive</h2>{latency}</section></div>
<h2>Mid price</h2>
{mid}
</body></html>
"""


def write_report(path: Path, session: Session, client: LabClient) -> Path:
    """Write the page of a session, with the order book and the latencies of a client; the page needs no network."""
    figure = analysis.mid_figure(analysis.quotes(session.market_data))
    manifest = session.manifest
    facts = {
        "source": manifest.source.get("name", ""),
        "symbols": ", ".join(manifest.symbols),
        "messages": f"{manifest.messages:,}",
        "duration": f"{session.duration:.1f} s",
        "size": f"{manifest.size / 1e3:,.0f} kB",
    }
    page = _PAGE.format(
        title=escape(f"hftlab session {session.folder.name}"),
        facts=facts_table("Recording", facts),
        ladder=_svg(Ladder(client, next(iter(manifest.symbols), ""))),
        latency=_svg(LatencyPanel(client)),
        mid=figure.to_html(full_html=False, include_plotlyjs=True),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    return path


def _svg(widget: Ladder | LatencyPanel) -> str:
    try:
        return str(widget.picture()._repr_svg_())
    finally:
        widget.close()
