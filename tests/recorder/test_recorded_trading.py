"""Recordings of trading: each account's messages are kept whole, and a replay gives them to that account alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import polars as pl
import pytest

from hftlab.client import Client
from hftlab.protocol import NewOrder, OrderType, OrderUpdate, Side
from hftlab.protocol.order_messages import PRIVATE_MESSAGES
from hftlab.recorder import Recording, describe, tap
from hftlab.server import Server
from hftlab.session import Session, compact, open_session
from hftlab.simulator import Exchange
from hftlab.source import Timed, timed
from hftlab.trading import AccountTerms, RiskLimits
from tests.server.conversation import settled
from tests.server.traders import PRIVATE, Trader, told, trader

ACCOUNTS = {"*": AccountTerms(limits=RiskLimits(price_band=None))}


def serving(source: Any = None) -> Server:
    venue = Exchange(seed=7, symbols=["AAPL", "VOD"], order_latency=1_000_000) if source is None else source
    return Server(venue, port=0, accounts=ACCOUNTS if source is None else None)


async def trade(one: Trader) -> None:
    """Send orders that have every field of ORDER_UPDATE between them, in two currencies."""
    await one.order("bought", quantity=30)
    await one.ended("bought")
    await one.order("in pounds", symbol="VOD", quantity=100)
    await one.ended("in pounds")
    await one.order("stop", orderType="STOP_LIMIT", price=900.0, stopPrice=800.0, timeInForce="GTC")
    await one.order("iceberg", orderType="ICEBERG", price=1.0, quantity=100, displayQuantity=20)
    await one.order("refused", quantity=10_000_000)
    await one.ended("refused")
    await one.ask(type="CANCEL_ALL")
    await one.ended("iceberg")
    await one.order("sold", "SELL", quantity=50)
    await one.ended("sold")
    await one.until(lambda message: message["type"] == "POSITION_UPDATE" and message.get("snapshot"))
    await one.settle()


def everything(session: Session) -> list[Timed[Any]]:
    """All messages of a replay, each with its time and account."""
    source = session.replay(float("inf"))
    items: list[Timed[Any]] = []
    while (at := source.next_time()) is not None:
        items += timed(source.advance(at), at)
    return items


def private(items: list[Timed[Any]]) -> list[tuple[str | None, Any]]:
    return [(item.account, item.message) for item in items if isinstance(item.message, PRIVATE_MESSAGES)]


def with_currency(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return messages without their times of sending; USD, which may be left out, is there."""
    return [{"currency": "USD"} | message for message in told(messages)]


class TestServer:
    async def test_all_accounts_are_recorded_with_their_names(self, tmp_path: Path) -> None:
        async with serving() as server, trader(server) as alice, trader(server, "bob") as bob:
            recording = Recording(tmp_path / "session", source=describe(server))
            end = tap(server, recording)
            streamed: list[Timed[Any]] = []
            server.taps.append(streamed.append)
            await trade(alice)
            await trade(bob)
            end()
            server.taps.clear()
            expected = private(streamed)
        session = recording.close()
        assert private(everything(session)) == expected
        assert {account for account, _ in expected} == {"alice", "bob"}
        for table in ("order_updates", "position_updates", "portfolio_updates"):
            assert set(session.table(table).collect()["account"]) == {"alice", "bob"}
        orders = session.order_updates.filter(pl.col("account") == "bob").collect()
        assert set(orders.columns) >= {"stop_price", "time_in_force", "display_quantity", "snapshot"}
        for column in ("stop_price", "display_quantity", "reason", "commission", "average_price", "last_fill_price"):
            assert 0 < orders[column].count() < orders.height, column
        assert {"GTC", "DAY"} == set(orders["time_in_force"])
        assert set(session.position_updates.collect()["currency"]) == {"USD", "GBX"}
        assert set(session.position_updates.collect()["snapshot"]) == {True, False}
        times = [item.at for item in everything(session)]
        assert times == sorted(times)

    async def test_a_replay_gives_each_account_its_own(self, tmp_path: Path) -> None:
        """Nobody gets the state of an account there, as nothing is traded; orders are refused."""
        async with serving() as server, trader(server) as alice, trader(server, "bob") as bob:
            recording = Recording(tmp_path / "session", source=describe(server))
            end = tap(server, recording)
            await trade(alice)
            await trade(bob)
            end()
            live = {"alice": alice.numbered, "bob": bob.numbered}
        session = recording.close()
        async with serving(session.replay(float("inf"))) as server:
            assert server.broker is None
            async with trader(server, None) as alice, trader(server, None) as bob, trader(server, None) as eve:
                for one, name in ((alice, "alice"), (bob, "bob"), (eve, "eve")):
                    answer = await one.ask(type="AUTH", token=server.issue_tokens(name).access)
                    assert answer["type"] == "AUTH_SUCCESS"
                    await one.settle()
                    assert one.private == []
                await eve.ask(type="SUBSCRIBE", symbols=["AAPL"], frequency=0)
                await eve.until(lambda message: message["type"] == "REPLAY_STATUS" and message["state"] == "ENDED")
                await alice.settle()
                await bob.settle()
                for one, name in ((alice, "alice"), (bob, "bob")):
                    assert with_currency(one.numbered) == with_currency(live[name])
                    assert {message["type"] for message in one.private if message.get("snapshot")} > {"POSITION_UPDATE"}
                assert eve.private == []
                refused = await alice.order("late")
                assert (refused["type"], refused["errorType"]) == ("ERROR", "SERVER_ERROR")


class TestClient:
    @pytest.mark.parametrize("encoding", ["json", "msgpack"])
    async def test_what_a_replay_yields_is_what_was_received(
        self, tmp_path: Path, encoding: Literal["json", "msgpack"]
    ) -> None:
        async with serving() as server, trader(server, "bob") as bob, trader(server) as other:
            token = server.issue_tokens("alice").access
            async with Client(server.url, token=token, encoding=encoding) as client:
                await settled(lambda: client.account == "alice")
                recording = Recording(tmp_path / "session", source=describe(client))
                end = tap(client, recording)
                received: list[Any] = []
                client.on("message", received.append)
                await client.subscribe(["AAPL"], frequency=0)
                await client.send_message(
                    NewOrder(
                        timestamp=1.0,
                        client_order_id="own",
                        symbol="AAPL",
                        side=Side.BUY,
                        order_type=OrderType.MARKET,
                        quantity=5.0,
                    )
                )
                await other.ended("own")
                await trade(bob)
                await trade(other)
                last = other.numbered[-1]["sequence"]
                await settled(
                    lambda: any(one.sequence == last for one in received if isinstance(one, PRIVATE_MESSAGES))
                )
                end()
        session = recording.close()
        streamed = [one for one in received if isinstance(one, PRIVATE_MESSAGES) or one.type == "MARKET_DATA"]
        items = everything(session)
        assert [item.message for item in items] == streamed
        assert {account for account, _ in private(items)} == {"alice"}
        updates = [message for _, message in private(items) if isinstance(message, OrderUpdate)]
        assert "own" in {one.client_order_id for one in updates}
        assert set(session.order_updates.collect()["account"]) == {"alice"}

    async def test_the_state_after_a_sign_in_is_recorded_as_such(self, tmp_path: Path) -> None:
        """A recording that begins with the connection has the account's snapshot, which has no sequence."""
        async with serving() as server, trader(server) as other:
            await trade(other)
            await other.order("resting", price=1.0)
            await other.settle()
            client = Client(server.url, token=server.issue_tokens("alice").access)
            recording = Recording(tmp_path / "session", source=describe(client))
            end = tap(client, recording)
            received: list[Any] = []
            client.on("message", received.append)
            async with client:
                await settled(lambda: any(one.type == "PORTFOLIO_UPDATE" for one in received))
                end()
        session = recording.close()
        assert [message for _, message in private(everything(session))] == [
            one for one in received if isinstance(one, PRIVATE_MESSAGES)
        ]
        orders = session.order_updates.collect()
        assert orders["client_order_id"].to_list() == ["resting"]
        assert (orders["snapshot"].to_list(), orders["sequence"].to_list()) == ([True], [None])


async def test_parts_of_a_traded_session_are_joined(tmp_path: Path) -> None:
    async with serving() as server, trader(server) as alice:
        recording = Recording(tmp_path / "session", source=describe(server))
        end = tap(server, recording)
        await trade(alice)
        end()
    session = recording.close()
    before = everything(session)
    compact(session)
    assert everything(open_session(session.folder)) == before
    assert [item.message.type for item in before if item.account is not None][-1] in PRIVATE
