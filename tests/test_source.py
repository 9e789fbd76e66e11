"""Sources and what passes them on."""

from __future__ import annotations

from hftlab.clock import Clock
from hftlab.protocol import Message
from hftlab.source import Seekable, Source, SourceDecorator, Timed, timed
from tests.listed_source import ListedSource, SeekableListedSource
from tests.protocol.conftest import market_data, symbol


class TestTimed:
    def test_a_bare_message_gets_the_time_and_no_account(self) -> None:
        message = market_data(symbol())
        assert timed([message], 5) == [Timed(5, message)]

    def test_an_item_that_has_its_time_stays_as_it_is(self) -> None:
        item = Timed(3, market_data(symbol()), "alice", b"{}")
        assert timed([item], 5) == [item]


class TestProtocols:
    def test_tell_sources_that_can_be_sought_in(self) -> None:
        assert isinstance(ListedSource([]), Source)
        assert not isinstance(ListedSource([]), Seekable)
        assert isinstance(SeekableListedSource([]), Seekable)


class TestDecorator:
    def test_shares_the_clock_with_the_source(self) -> None:
        source = ListedSource([])
        decorator = SourceDecorator[Message](source)
        assert decorator.clock is source.clock
        decorator.clock = Clock(7, paused=True)
        assert source.clock.now() == 7

    def test_takes_name_symbols_and_recorded_from_the_source(self) -> None:
        source = ListedSource([])
        decorator = SourceDecorator[Message](source)
        assert (decorator.name, decorator.symbols, decorator.recorded) == (source.name, source.symbols, True)
