"""A line of the user's is put right where it is wrong, and stays as it is everywhere else."""

from __future__ import annotations

import ast

import pytest

from hftlab.corrected_line import corrected, receiver


@pytest.mark.parametrize(
    ("source", "line", "column", "expected"),
    [
        ('client.subscribe(["APPL", "MSFT"])', 1, 0, 'client.subscribe(["AAPL", "MSFT"])'),
        ("client.subscribe('APPL')", 1, 0, "client.subscribe('AAPL')"),
        ('x = 1\nclient.subscribe(\n    "APPL",  # Äpfel\n)', 2, 0, 'client.subscribe(\n    "AAPL",  # Äpfel\n)'),
        ('if x:\n    y = client.book("APPL")', 2, 8, 'y = client.book("AAPL")'),
        ('if x:\n    y = f(\n        "APPL")', 2, 8, 'y = f(\n    "AAPL")'),
        ('with client.watch("APPL") as w:\n    w.go("APPL")', 1, 5, 'client.watch("AAPL")'),
        ('await c.subscribe("APPL")', 1, 0, 'await c.subscribe("AAPL")'),
        ('print("Äpfel", c.book("APPL"))', 1, 16, 'print("Äpfel", c.book("AAPL"))'),
        ('f(f"{x}APPL", "APPL")', 1, 0, 'f(f"{x}APPL", "AAPL")'),
        ("client.subscribe(symbols)", 1, 0, None),
        ("%magic", 1, 0, None),
        ("", 1, 0, None),
    ],
)
def test_a_value_is_replaced(source: str, line: int, column: int, expected: str | None) -> None:
    assert corrected(source, line, column, {"APPL": "'AAPL'"}, {}) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("s = hl.serve()", "s = hl.serve(port=0)"),
        ("s = hl.serve(walk, port=8081)", "s = hl.serve(walk, port=0)"),
        ('s = hl.serve(walk, port="8081", name="a")', 's = hl.serve(walk, port=0, name="a")'),
        ("s = hl.serve(RandomWalk(seed=7), name='a')", "s = hl.serve(RandomWalk(seed=7), name='a', port=0)"),
        ("s = hl.serve(walk,)", "s = hl.serve(walk, port=0,)"),
        ("s = hl.serve(\n    walk,  # mine\n)", "s = hl.serve(\n    walk, port=0,  # mine\n)"),
        ("s = hl.serve((walk))", "s = hl.serve((walk), port=0)"),
        ("s = hl.serve(one for one in walks)", None),
    ],
)
def test_an_argument_is_set(source: str, expected: str | None) -> None:
    assert corrected(source, 1, 4, {"8081": "8081"}, {"port": "0"}) == expected


def test_a_negative_number_is_a_value() -> None:
    assert corrected("f(-1, 1, True)", 1, 0, {-1: "100"}, {}) == "f(100, 1, True)"
    assert corrected("f(-1, 1, True)", 1, 0, {1: "100"}, {}) == "f(-1, 100, True)"


@pytest.mark.parametrize(
    ("source", "owner"),
    [
        ("c.ping()", "c"),
        ("await c.trading.buy('AAPL', 1)", "c"),
        ("self.client.replay.seek(5)", "self.client"),
        ("clients[0].ping()", None),
        ("ping()", None),
    ],
)
def test_the_owner_of_a_call_is_named(source: str, owner: str | None) -> None:
    assert receiver(source, 1, 0) == owner


@pytest.mark.parametrize("name", ['A"+f()+"L', "A'L", "A\\L", "A\"'L", "AAPL"])
@pytest.mark.parametrize("quote", ["'", '"', '"""'])
def test_a_name_is_one_text_whatever_it_holds(name: str, quote: str) -> None:
    """A server names its symbols: none may end the text and go on as code."""
    better = corrected(f"c.book({quote}APPL{quote})", 1, 0, {"APPL": repr(name)}, {})
    assert better is not None
    (call,) = ast.parse(better).body
    assert ast.unparse(call) == f"c.book({name!r})"
