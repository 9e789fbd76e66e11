"""A TypeScript client typed with the reference document's interfaces compiles, and runs against our server.

The interfaces are read out of the document when the test runs; nothing of it is kept here.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hftlab.bench.node import node_folder
from hftlab.server import Server
from hftlab.simulator import Exchange
from tests.needs import absent
from tests.reference_document import blocks
from tests.server.test_reference_client import serving

CLIENT = Path(__file__).with_name("typed_client.ts")
TRADER = Path(__file__).with_name("typed_trader.ts")
PACKAGES = ("ws", "typescript", "@types/node", "@types/ws")
NAMES = (
    *("WebSocketMessage", "MessageType", "MarketDataMessage", "MarketDataSymbol", "OrderBookLevel"),
    *("OrderUpdateMessage", "OrderStatus", "PositionUpdateMessage", "SubscribeMessage", "DataType"),
    *("WebSocketErrorType", "WebSocketError", "ConnectionState", "MessageValidator"),
)


def reference_types() -> str:
    """The document's declarations, exported, with what a compiler needs to take them.

    It names OrderType without declaring it, and narrows the enum MessageType to string literals such as 'MARKET_DATA',
    which TypeScript allows for the enum's values only. Its MessageValidator calls a method for positions that it lacks.
    """
    declared = re.findall(
        r"^((?:interface|enum|class) (\w+).*?^\})", "\n".join(blocks("typescript")), re.DOTALL | re.MULTILINE
    )
    found = {name: text for text, name in declared}
    assert set(NAMES) <= found.keys()
    assert "type: MessageType;" in found["WebSocketMessage"]
    found["WebSocketMessage"] = found["WebSocketMessage"].replace("type: MessageType;", "type: `${MessageType}`;")
    missing = "this.validatePositionUpdateMessage(data)"
    assert (
        found["MessageValidator"].count("validatePositionUpdateMessage")
        == found["MessageValidator"].count(missing)
        == 1
    )
    found["MessageValidator"] = found["MessageValidator"].replace(missing, "data as PositionUpdateMessage")
    return "\n".join(["export type OrderType = string;", *(f"export {found[name]}" for name in NAMES)])


def compiled(client: Path, folder: Path) -> str:
    """Compile a client beside the document's types; returns the name of its JavaScript."""
    packages = node_folder(*PACKAGES)
    if packages is None:
        absent("needs node, npm and TypeScript (Debian: apt install nodejs npm)")
    (folder / "node_modules").symlink_to(packages / "node_modules")
    (folder / "reference.ts").write_text(reference_types())
    shutil.copy(client, folder)
    options = ["--strict", "--esModuleInterop", "--target", "es2022", "--module", "commonjs", "--types", "node"]
    compiler = packages / "node_modules" / "typescript" / "bin" / "tsc"
    command = ["node", str(compiler), *options, "--ignoreDeprecations", "6.0", client.name]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return client.with_suffix(".js").name


def output(folder: Path, *arguments: str) -> dict[str, Any]:
    """Run a compiled client to its end; returns what it prints."""
    done = subprocess.run(["node", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


def test_a_client_with_the_documents_types_compiles_and_runs(tmp_path: Path) -> None:
    program = compiled(CLIENT, tmp_path)
    with serving("serve", "--source", "walk") as url:
        seen = output(tmp_path, program, url, "AAPL", "3")
    assert seen["types"][:2] == ["ACK", "ACK"]
    assert seen["levels"] == [10, 10, 10]
    assert all(price > 0 for price in seen["prices"])


async def test_a_client_with_the_documents_types_trades(tmp_path: Path) -> None:
    """The document's own MessageValidator lets everything pass that it is sent."""
    program = await asyncio.to_thread(compiled, TRADER, tmp_path)
    async with Server(Exchange(seed=7, symbols=["AAPL"]), port=0) as server:
        token = server.issue_tokens("alice").access
        seen = await asyncio.to_thread(output, tmp_path, program, server.url, token)
    assert seen["types"][:4] == ["ACK", "AUTH_SUCCESS", "PORTFOLIO_UPDATE", "ACK"]
    orders = {name: [one for one in seen["orders"] if one["clientOrderId"] == name] for name in ("bought", "sold")}
    for name, side in (("bought", "BUY"), ("sold", "SELL")):
        new, *fills = orders[name]
        assert (new["status"], new["updateType"], new["side"]) == ("NEW", "NEW", side)
        assert {one["updateType"] for one in fills} == {"FILL"}
        assert sum(one["lastFillQuantity"] for one in fills) == 200
        assert (fills[-1]["status"], fills[-1]["remainingQuantity"]) == ("FILLED", 0)
    (refused,) = (one for one in seen["orders"] if one["clientOrderId"] == "refused")
    assert (refused["status"], refused["updateType"]) == ("REJECTED", "REJECT")
    assert refused["reason"]
    assert (seen["positions"][0]["side"], seen["positions"][-1]["quantity"]) == ("LONG", 0)
