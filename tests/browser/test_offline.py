"""Pages that widget.to_html() writes: they draw without a kernel, a network, or a word of trouble."""

from __future__ import annotations

from typing import Any

import pytest

import hftlab as hl

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
