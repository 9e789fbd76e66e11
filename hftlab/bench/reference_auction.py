"""Price of a call auction as the slow matching engine finds it."""

from __future__ import annotations

from hftlab.bench.reference_queues import Book
from hftlab.book.matching.entries import EntryType

__all__ = ["auction_price"]


def auction_price(book: Book, reference: int | None) -> tuple[int, int, int]:
    """Try every tick between the lowest and the highest limit; return (price, volume, surplus) of the best."""
    best = (0, 0, 0)
    limits = [order.price for order in book.orders if order.type != EntryType.MARKET]
    if not limits and reference is None:
        return best
    aim = reference or 0
    marks = []
    for price in range(min(limits), max(limits) + 1) if limits else [aim]:
        demand = sum(order.open for order in book.orders if order.is_bid and order.reaches(price))
        supply = sum(order.open for order in book.orders if not order.is_bid and order.reaches(price))
        volume, surplus = min(demand, supply), demand - supply
        marks.append((-volume, abs(surplus), abs(price - aim), -price, surplus))
    volume, _, _, price, surplus = min(marks)
    return (-price, -volume, surplus) if volume else best
