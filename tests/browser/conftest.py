from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.tab import FLAGS, Tab, new_context
from tests.needs import program


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program("chromium", "chromium"), args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def contexts(browser: Any) -> Callable[..., Any]:
    """Contexts of tabs by their settings, each made once."""
    return functools.cache(functools.partial(new_context, browser))


@pytest.fixture
def tab(contexts: Callable[..., Any], request: pytest.FixtureRequest) -> Iterator[Tab]:
    tab = Tab(contexts(**getattr(request, "param", {})))
    yield tab
    tab.page.close()
    assert tab.errors == []
