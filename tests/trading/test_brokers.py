"""A venue has one broker, whatever decorates it and however often it is served."""

from __future__ import annotations

from typing import Any

import pytest

from hftlab.errors import HftlabError
from hftlab.instruments import UNIT
from hftlab.simulator import Faults, RandomWalk
from hftlab.source import SourceDecorator
from hftlab.trading import AccountTerms
from hftlab.trading.brokers import broker_of
from tests.trading.scripted_venue import ScriptedVenue


def decorated(venue: object) -> Any:
    """Return a decorator around something that need not be a whole source."""
    decorator: Any = SourceDecorator.__new__(SourceDecorator)
    decorator._source = venue
    return decorator


def test_it_is_kept_with_the_venue() -> None:
    venue = ScriptedVenue()
    broker = broker_of(venue, {"*": AccountTerms(cash=5.0)})
    assert broker is not None
    assert broker_of(venue) is broker_of(decorated(decorated(venue))) is broker
    assert broker.account("alice").cash == {"USD": 5 * UNIT}


def test_new_terms_are_for_accounts_that_begin_later() -> None:
    venue = ScriptedVenue()
    first = broker_of(venue, {"*": AccountTerms(cash=5.0)})
    assert first is not None
    first.account("alice")
    assert broker_of(venue, {"*": AccountTerms(cash=7.0)}) is first
    assert first.account("alice").cash == {"USD": 5 * UNIT}
    assert first.account("bob").cash == {"USD": 7 * UNIT}


@pytest.mark.parametrize("source", [None, RandomWalk(seed=7), Faults(RandomWalk(seed=7))])
def test_other_sources_have_none(source: object) -> None:
    assert broker_of(source) is None
    with pytest.raises(HftlabError, match="accounts need a source that can be traded"):
        broker_of(source, {})
