"""Table of a feed's symbols, as the decoding loop reads it: filled from messages of type 3, or by the user."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from hftlab.errors import ArgumentError
from hftlab.instruments import Instrument
from hftlab.venues.nyse.decode_kernel import index_at
from hftlab.venues.nyse.decoder_state import INDEXES, NO_TIME, Symbols
from hftlab.venues.nyse.layouts import LEAST_SIZES
from hftlab.venues.nyse.listing import LARGEST_SCALE, Listing, checked, listing_in, stock_of
from hftlab.venues.nyse.message_types import MAPPING_TYPE

__all__ = ["SymbolTable"]

_FIRST: Final = 64
_UNKNOWN_SYSTEM: Final = -1


class SymbolTable:
    """Symbols by index. `wanted` are those to keep, None keeps all.

    A listing of `mapping` holds whatever messages of type 3 say. With a `price_scale`, symbols of which messages come
    before their mapping are called by their index (#17), with prices of that scale, and stay so. Raises
    ArgumentError for a mapping or a scale that cannot be.
    """

    def __init__(
        self,
        wanted: list[str] | None,
        mapping: Mapping[int, Listing | tuple[str, int]] | None,
        price_scale: int | None,
    ) -> None:
        if price_scale is not None and not 0 <= price_scale <= LARGEST_SCALE:
            raise ArgumentError(f"price_scale is {price_scale}: give 0 to 9, mostly 4")
        self._wanted = None if wanted is None else set(wanted)
        self._price_scale = price_scale
        self.instruments: tuple[Instrument, ...] = ()
        self.others: list[str] = []
        self.malformed = 0
        self._numbers: dict[str, int] = {}
        self.listings: dict[int, Listing] = {}
        self._count = 0
        self.columns = Symbols(slots=np.zeros(INDEXES, np.int32), **_columns(_FIRST))
        for index, listing in checked(mapping).items():
            if not 0 <= index < INDEXES:
                raise ArgumentError(f"mapping has the symbol index {index}: give 0 to {INDEXES - 1:,}")
            self._register(index, listing, (0, 0), fixed=True)

    @property
    def names_all(self) -> bool:
        """True if symbols without a mapping are called by their index."""
        return self._price_scale is not None

    def is_first_mapping(self, message: bytes, size: int) -> bool:
        """Tell whether bytes are a whole message of type 3 about an index that has no name yet."""
        if (
            size < LEAST_SIZES[MAPPING_TYPE]
            or size != len(message)
            or int.from_bytes(message[2:4], "little") != MAPPING_TYPE
        ):
            return False
        index = int.from_bytes(message[4:8], "little")
        return index < INDEXES and int(self.columns.slots[index]) == 0

    def name_message(self, message: bytes) -> None:
        """Name the symbol that a message is about: by the mapping in it, if its type is 3, else by its index.

        The loop has found that the name is new.
        """
        kind = int.from_bytes(message[2:4], "little")
        if kind != MAPPING_TYPE:
            assert self._price_scale is not None
            place = index_at(kind)
            index = int.from_bytes(message[place : place + 4], "little")
            self._register(index, Listing(f"#{index}", self._price_scale), (0, 0), fixed=True)
            return
        index = int.from_bytes(message[4:8], "little")
        words = int.from_bytes(message[8:16], "little"), int.from_bytes(message[16:19], "little")
        listing = listing_in(message)
        if listing is None:
            self.malformed += 1
        self._register(index, listing, words, fixed=False, scale=message[24])

    def _register(
        self, index: int, listing: Listing | None, words: tuple[int, int], *, fixed: bool, scale: int = 0
    ) -> None:
        slot = self._count
        if slot == len(self.columns.scales):
            self._grow()
        self._count += 1
        columns = self.columns
        columns.slots[index] = slot + 1
        columns.names[slot] = words
        columns.scales[slot] = scale
        columns.fixed[slot] = fixed
        if listing is None:
            return
        columns.units[slot] = 10 ** (LARGEST_SCALE - listing.price_scale)
        columns.systems[slot] = _UNKNOWN_SYSTEM if listing.system is None else listing.system
        self.listings[index] = listing
        if self._wanted is not None and listing.symbol not in self._wanted:
            self.others.append(listing.symbol)
            return
        columns.instruments[slot] = self._number_of(listing)

    def _number_of(self, listing: Listing) -> int:
        """Return the number of a listing's instrument: one symbol is one instrument, whatever its indexes."""
        number = self._numbers.get(listing.symbol)
        if number is None:
            number = self._numbers[listing.symbol] = len(self.instruments)
            self.instruments += (stock_of(listing),)
        return number

    def _grow(self) -> None:
        old = self.columns
        room = len(old.scales)
        new = _columns(room)
        grown: dict[str, Any] = {name: np.concatenate([getattr(old, name), new[name]]) for name in new}
        self.columns = old._replace(**grown)


def _columns(count: int) -> dict[str, Any]:
    """Make the columns of `count` free slots."""
    return {
        "instruments": np.full(count, -1, np.int32),
        "names": np.zeros((count, 2), np.uint64),
        "scales": np.zeros(count, np.int64),
        "units": np.ones(count, np.int64),
        "systems": np.full(count, _UNKNOWN_SYSTEM, np.int32),
        "fixed": np.zeros(count, np.bool_),
        "last": np.zeros(count, np.int64),
        "cleared": np.full(count, NO_TIME, np.int64),
        "live": np.zeros(count, np.int64),
        "is_bad": np.zeros(count, np.bool_),
        "day": np.full(count, NO_TIME, np.int64),
    }
