from __future__ import annotations

from collections.abc import Iterator

import pytest

from hftlab.widgets.core.jupyter_kernel import JupyterKernel
from hftlab.widgets.core.refresh_loop import RefreshLoop


class StillLoop(RefreshLoop):
    """A refresh loop without its thread: the test makes the ticks."""

    def add(self, refreshable: object) -> None:
        pass

    def wake(self) -> None:
        pass


@pytest.fixture
def still_loop() -> StillLoop:
    return StillLoop(JupyterKernel())


@pytest.fixture
def refresh_loop() -> Iterator[RefreshLoop]:
    loop = RefreshLoop(JupyterKernel())
    yield loop
    loop.stop()
    assert not loop.is_running
