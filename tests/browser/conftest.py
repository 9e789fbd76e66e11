from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.tab import FLAGS, Tab
from tests.needs import program


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program("chromium", "chromium"), args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def tab(browser: Any, request: pytest.FixtureRequest) -> Iterator[Tab]:
    tab = Tab(browser, **getattr(request, "param", {}))
    yield tab
    tab.context.close()
    assert tab.errors == []
