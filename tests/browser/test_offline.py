"""Pages that widget.to_html() writes: they draw without a kernel, a network, or a word of trouble."""

from __future__ import annotations

import json
from typing import Any

import pytest

import hftlab as hl
from hftlab.testing import FakeLabClient, Script, market_data

pytestmark = [pytest.mark.browser]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_dashboard_goes_on_being_readable_without_its_kernel(browser: Any, scheme: str, tmp_path: Any) -> None:
    path = tmp_path / "dashboard.html"
    with hl.serve(hl.simulator.RandomWalk(7), port=0) as server, hl.connect(server.url) as client:
        dashboard = hl.dashboard(client, "AAPL")
        dashboard.to_html(path)
        dashboard.close()
    page = browser.new_page(color_scheme=scheme, viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(5000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(path.as_uri())
    page.wait_for_function("document.querySelectorAll('.hftlab-view').length > 0")
    views = page.locator(".hftlab-view")
    assert views.count() == len(dashboard.views)
    assert page.locator(".veil:visible").count() == 0
    assert page.locator(".dot.offline").count() == len(dashboard.views)
    canvases = "[...document.querySelectorAll('.hftlab-view canvas')]"
    page.wait_for_function(f"{canvases}.every(({{ width, offsetWidth }}) => width > 300 || !offsetWidth)")
    assert errors == []
    page.close()


def test_names_of_a_server_stay_text_and_in_their_panels(browser: Any, tmp_path: Any) -> None:
    """Symbols and accounts are a server's to choose; long ones are cut, and none becomes markup or code to paste."""
    symbol = 'A"><img src=x onerror=window.marked=1></script><script>window.marked=1</script>' + "X" * 40
    script = Script([symbol], account=symbol).when(
        "SUBSCRIBE", market_data(symbol, bids=[(1.0, 2.0)], asks=[(1.1, 2.0)], trade=(1.05, 1.0))
    )
    path = tmp_path / "dashboard.html"
    with FakeLabClient(script, account="alice") as client:
        client.subscribe([symbol])
        dashboard = hl.dashboard(client, symbol)
        dashboard.to_html(path)
        dashboard.close()
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(5000)
    page.goto(path.as_uri())
    page.wait_for_function("document.querySelectorAll('.hftlab-view').length > 0")
    assert page.evaluate("[window.marked, document.querySelectorAll('img').length]") == [None, 0]
    right = "(element) => element.getBoundingClientRect().right"
    wide = f"""[...document.querySelectorAll('.hftlab-view')].filter((view) =>
        ({right})(view.querySelector('.title')) > ({right})(view)).map((view) => view.dataset.view)"""
    assert page.evaluate(wide) == []
    assert page.locator("code").all_inner_texts() == [
        f'client.subscribe([{json.dumps(symbol)}], data_types=["TRADES"])'
    ]
    page.close()
