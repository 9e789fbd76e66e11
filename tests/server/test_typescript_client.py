"""A TypeScript client typed with the reference document's interfaces compiles, and runs against our server.

The interfaces are read out of the document when the test runs; nothing of it is kept here.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

from hftlab.bench.node import node_folder
from tests.needs import absent
from tests.reference_document import blocks
from tests.server.test_reference_client import serving

CLIENT = Path(__file__).with_name("typed_client.ts")
PACKAGES = ("ws", "typescript", "@types/node", "@types/ws")
NAMES = (
    *("WebSocketMessage", "MessageType", "MarketDataMessage", "MarketDataSymbol", "OrderBookLevel"),
    *("OrderUpdateMessage", "OrderStatus", "PositionUpdateMessage", "SubscribeMessage", "DataType"),
    *("WebSocketErrorType", "WebSocketError", "ConnectionState"),
)


def reference_types() -> str:
    """The document's declarations, exported, with what a compiler needs to take them.

    It names OrderType without declaring it, and narrows the enum MessageType to string literals such as 'MARKET_DATA',
    which TypeScript allows for the enum's values only.
    """
    declared = re.findall(
        r"^((?:interface|enum) (\w+).*?^\})", "\n".join(blocks("typescript")), re.DOTALL | re.MULTILINE
    )
    found = {name: text for text, name in declared}
    assert set(NAMES) <= found.keys()
    assert "type: MessageType;" in found["WebSocketMessage"]
    found["WebSocketMessage"] = found["WebSocketMessage"].replace("type: MessageType;", "type: `${MessageType}`;")
    return "\n".join(["export type OrderType = string;", *(f"export {found[name]}" for name in NAMES)])


def test_a_client_with_the_documents_types_compiles_and_runs(tmp_path: Path) -> None:
    folder = node_folder(*PACKAGES)
    if folder is None:
        absent("needs node, npm and TypeScript (Debian: apt install nodejs npm)")
    (tmp_path / "node_modules").symlink_to(folder / "node_modules")
    (tmp_path / "reference.ts").write_text(reference_types())
    shutil.copy(CLIENT, tmp_path)
    options = ["--strict", "--esModuleInterop", "--target", "es2022", "--module", "commonjs", "--types", "node"]
    compiler = folder / "node_modules" / "typescript" / "bin" / "tsc"
    command = ["node", str(compiler), *options, "--ignoreDeprecations", "6.0", CLIENT.name]
    compiled = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert compiled.returncode == 0, compiled.stdout
    with serving("serve", "--source", "walk") as url:
        arguments = ["node", "typed_client.js", url, "AAPL", "3"]
        done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["types"][:2] == ["ACK", "ACK"]
    assert seen["levels"] == [10, 10, 10]
    assert all(price > 0 for price in seen["prices"])
