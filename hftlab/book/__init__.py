"""Order books: compiled kernels over arrays, and their Python face."""

from hftlab.book.order_book import BookSet, Level, OrderBook, Tops

__all__ = ["BookSet", "Level", "OrderBook", "Tops"]
