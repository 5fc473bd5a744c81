"""The packing problem: buffers with sizes and lifetimes, at offsets in one memory.

Nothing here knows a solver, a graph or a chip. Times are integers in any unit, sizes and offsets bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from math import gcd
from typing import Any

import numpy as np
import numpy.typing as npt

from mapper.errors import MapperError

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


LARGEST = 2**60
"""Bytes in sum, and times, that the searches can count with: 64 bits with some room for sums."""


@dataclass(frozen=True, slots=True)
class Item:
    """A buffer of `size` bytes that is live in [start, end)."""

    name: str
    size: int
    start: int
    end: int


@dataclass(frozen=True)
class Problem:
    """Buffers, the memory's capacity in bytes (None: as much as it takes), and what offsets are multiples of."""

    items: tuple[Item, ...]
    capacity: int | None
    alignment: int = 1

    def check(self) -> None:
        """Refuse a malformed problem: a negative size or capacity, a buffer larger than the capacity, an empty
        lifetime, an alignment below 1, numbers beyond 64 bits."""
        if self.alignment < 1:
            raise MapperError(f"alignment {self.alignment} is below 1")
        if self.capacity is not None and self.capacity < 0:
            raise MapperError(f"capacity {self.capacity} is negative")
        for item in self.items:
            self._check_item(item)
        total = sum(_up(item.size, self.alignment) for item in self.items)
        if total > LARGEST:
            raise MapperError(f"{len(self.items)} buffers have {total} bytes in sum, above {LARGEST}")

    def _check_item(self, item: Item) -> None:
        if item.size < 0:
            raise MapperError(f"buffer '{item.name}' has negative size {item.size}")
        if item.start >= item.end:
            raise MapperError(f"buffer '{item.name}' is never live: [{item.start}, {item.end})")
        if item.start < -LARGEST or item.end > LARGEST:
            raise MapperError(f"buffer '{item.name}' lives in [{item.start}, {item.end}), beyond +-{LARGEST}")
        if self.capacity is not None and item.size > self.capacity:
            raise MapperError(
                f"buffer '{item.name}' of {item.size} bytes is larger than the capacity of {self.capacity} by "
                f"{item.size - self.capacity}"
            )

    @cached_property
    def unit(self) -> int:
        """The bytes that all useful offsets are multiples of: the gcd of the aligned sizes."""
        return gcd(*(_up(item.size, self.alignment) for item in self.items)) or self.alignment

    @cached_property
    def sizes(self) -> Ints:
        """Sizes in units, rounded up."""
        return _array(-(-item.size // self.unit) for item in self.items)

    @cached_property
    def starts(self) -> Ints:
        """When each buffer becomes live."""
        return _array(item.start for item in self.items)

    @cached_property
    def ends(self) -> Ints:
        """When each buffer ceases to be live."""
        return _array(item.end for item in self.items)

    def highest(self, capacity: int) -> Ints:
        """For each buffer the highest offset, in units, at which it fits below `capacity` bytes; negative if none."""
        return _array((capacity - item.size) // self.unit for item in self.items)

    def part(self, members: Iterable[int]) -> Problem:
        """The same memory with some of the buffers."""
        return Problem(tuple(self.items[i] for i in members), self.capacity, self.alignment)

    def height(self, offsets: tuple[int, ...]) -> int:
        """The bytes of memory that the offsets reach: the largest offset + size."""
        return max((o + item.size for o, item in zip(offsets, self.items, strict=True)), default=0)


def _array(values: Any) -> Ints:
    return np.fromiter(values, dtype=np.int64)


def _up(size: int, alignment: int) -> int:
    return -(-size // alignment) * alignment


@dataclass(frozen=True, slots=True)
class Solution:
    """The offset of each buffer in bytes."""

    offsets: tuple[int, ...]
