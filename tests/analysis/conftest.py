from __future__ import annotations

import pytest

from hftlab.session import Session
from tests.analysis import traded as trading
from tests.analysis.recorded import messages, record
from tests.session.sessions import Received


@pytest.fixture(scope="package")
def received() -> list[Received]:
    return messages()


@pytest.fixture(scope="package")
def session(tmp_path_factory: pytest.TempPathFactory, received: list[Received]) -> Session:
    return record(tmp_path_factory.mktemp("analysis") / "session", received)


@pytest.fixture(scope="package")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return trading.record(tmp_path_factory.mktemp("analysis") / "traded")
