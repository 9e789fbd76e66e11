"""Blocks of market rows as tests look at them."""

from __future__ import annotations

from hftlab.backtest.blocks import Block, MarketRows
from hftlab.events import COLUMNS


def all_blocks(rows: MarketRows) -> list[Block]:
    """Every block, in their order."""
    blocks: list[Block] = []
    while (block := rows.block(len(blocks))) is not None:
        blocks.append(block)
    return blocks


def assert_same(one: Block | None, other: Block) -> None:
    """Two blocks have the same rows and times."""
    assert one is not None
    for name in COLUMNS:
        assert (getattr(one.batch, name) == getattr(other.batch, name)).all(), name
    assert (one.times == other.times).all()
    assert (one.arrivals == other.arrivals).all()
