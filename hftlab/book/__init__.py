"""Order books: compiled kernels over arrays, and the Python classes in front of them."""

from hftlab.book.apply_kernel import Tops
from hftlab.book.book_set import BookSet, Checkpoint
from hftlab.book.matching import MatchingEngine
from hftlab.book.order_book import Level, OrderBook, QueuePosition

__all__ = ["BookSet", "Checkpoint", "Level", "MatchingEngine", "OrderBook", "QueuePosition", "Tops"]
