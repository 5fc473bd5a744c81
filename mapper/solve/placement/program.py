"""A linear program in the making."""

from __future__ import annotations

import math

INFINITY = math.inf


class Program:
    """Minimise a cost over columns within finite bounds and rows lower <= sum <= upper."""

    def __init__(self) -> None:
        self.low: list[float] = []
        self.high: list[float] = []
        self.cost: list[float] = []
        self.row_low: list[float] = []
        self.row_high: list[float] = []
        self.at_row: list[int] = []
        self.at_column: list[int] = []
        self.weight: list[float] = []

    def column(self, high: float, cost: float = 0.0) -> int:
        """A new column in [0, high]."""
        self.low.append(0.0)
        self.high.append(high)
        self.cost.append(cost)
        return len(self.low) - 1

    def row(self, terms: list[tuple[int, float]], low: float = -INFINITY, high: float = INFINITY) -> int:
        """A new row; a column may appear more than once."""
        merged: dict[int, float] = {}
        for column, weight in terms:
            merged[column] = merged.get(column, 0.0) + weight
        index = len(self.row_low)
        self.row_low.append(low)
        self.row_high.append(high)
        self.at_row.extend([index] * len(merged))
        self.at_column.extend(merged)
        self.weight.extend(merged.values())
        return index
