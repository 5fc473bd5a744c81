"""Spreads the sizes given for some dims over all that follow from them; a contradiction is refused with its numbers."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from mapper.errors import ModelError
from mapper.frontend.dims.expressions import Expression, Number

Quantity = tuple[str, str]
"""What has a size: ("role", "past"), ("name", "past_seq") for a name or text of the file, ("place", "input_ids.1")."""


@dataclass(frozen=True, slots=True)
class Size:
    """A size and where it comes from. given: the name that a user gave it by; empty if it follows from the file."""

    size: int
    why: str
    given: str = ""

    def reason(self, of: str) -> str:
        """Where it comes from, as seen from the quantity of this name."""
        return f"given as '{self.given}'" if self.why == "given" and self.given != of else self.why


@dataclass(frozen=True, slots=True)
class Equation:
    """`left` is the expression of `operands`, its quantities by name. weak: given sizes that break it hold."""

    left: Quantity
    right: Expression
    operands: Mapping[str, Quantity]
    weak: bool = False

    @classmethod
    def same(cls, left: Quantity, right: Quantity, *, weak: bool = False) -> Equation:
        """Two quantities of one size."""
        return cls(left, Expression.of_name(right[1]), {right[1]: right}, weak)

    @property
    def is_link(self) -> bool:
        """Whether it only says that two quantities are the same."""
        return self.right.text in self.operands

    def quantities(self) -> set[Quantity]:
        """All that it relates."""
        return {self.left, *self.operands.values()}


class Solver:
    """Sizes of one sample, from those given; `sizes` has all that follow."""

    def __init__(self, phase: str, equations: Sequence[Equation]) -> None:
        self.phase = phase
        self.sizes: dict[Quantity, Size] = {}
        self._weak = [e for e in equations if e.weak]
        self._weak_of: dict[Quantity, list[int]] = {}
        self._of: dict[Quantity, list[Equation]] = {}
        for equation in equations:
            if not equation.weak:
                for quantity in sorted(equation.quantities()):
                    self._of.setdefault(quantity, []).append(equation)
        for index, equation in enumerate(self._weak):
            for quantity in equation.quantities():
                self._weak_of.setdefault(quantity, []).append(index)

    def set(self, quantity: Quantity, size: Size) -> None:
        """Notes a size; a different one noted before is refused."""
        known = self.sizes.get(quantity)
        if known is None:
            self.sizes[quantity] = size
        elif known.size != size.size:
            raise self._contradiction(quantity[1], known, size)

    def spread(self, fresh: Sequence[Quantity] | None = None) -> None:
        """Finds all that follows from the sizes noted so far, or from those of some quantities."""
        fresh = list(self.sizes) if fresh is None else fresh
        while fresh:
            fresh = self._bridged(self._settle(fresh))

    def _settle(self, fresh: Sequence[Quantity]) -> list[Quantity]:
        """Carries sizes over links first, so that a contradiction shows in the sum or product that it breaks.

        The quantities that have a size now, the given ones first.
        """
        reached = list(fresh)
        waiting = deque(fresh)
        sums: deque[Equation] = deque()
        while waiting or sums:
            found = []
            if not waiting:
                found.append(self._apply(sums.popleft()))
            else:
                for equation in self._of.get(waiting.popleft(), ()):
                    if equation.is_link:
                        found.append(self._apply(equation))
                    else:
                        sums.append(equation)
            news = [quantity for quantity in found if quantity is not None]
            waiting.extend(news)
            reached.extend(news)
        return reached

    def _bridged(self, reached: Sequence[Quantity]) -> list[Quantity]:
        """The quantities that get a size over the weak links of these quantities, in the order of the links."""
        touched = {index for quantity in reached for index in self._weak_of.get(quantity, ())}
        waiting = sorted(touched)  # a sorted list is a heap
        fresh = []
        while waiting:
            index = heappop(waiting)
            found = self._bridge(self._weak[index])
            if found is not None:
                fresh.append(found)
                further = {i for i in self._weak_of[found] if i > index} - touched
                touched |= further
                for other in further:
                    heappush(waiting, other)
        return fresh

    def forget(self, count: int) -> None:
        """Leaves only the first sizes that were noted, so many."""
        while len(self.sizes) > count:
            self.sizes.popitem()

    def _bridge(self, equation: Equation) -> Quantity | None:
        """Carries a size over a weak link; what was given for the place itself holds against a role."""
        (right,) = equation.operands.values()
        left, other = self.sizes.get(equation.left), self.sizes.get(right)
        if left is not None and other is not None:
            if left.size != other.size and not left.given and other.given == right[1]:
                raise self._contradiction(right[1], other, left)
            return None
        if left is not None and not left.given:
            return None  # a size that the file fixes elsewhere decides nothing for a role that it may not have
        return self._apply(equation)

    def _apply(self, equation: Equation) -> Quantity | None:
        """The quantity that the equation gives a size, if only one is open; checks it if none is."""
        open_ones = [q for q in equation.quantities() if q not in self.sizes]
        if len(open_ones) > 1:
            return None
        if not open_ones or open_ones[0] == equation.left:
            self._forward(equation)
            return open_ones[0] if open_ones else None
        return self._backward(equation, open_ones[0])

    def _forward(self, equation: Equation) -> None:
        known = self._known(equation)
        value = equation.right.value(known)
        if value is None or value.denominator != 1:
            was = "no number" if value is None else f"{float(value):g}"
            raise ModelError(
                f"phase '{self.phase}': dim '{equation.left[1]}' is {was} with {self._listed(equation)}; "
                "it must be whole"
            )
        self.set(equation.left, Size(int(value), *self._origin(equation, known)))

    def _backward(self, equation: Equation, quantity: Quantity) -> Quantity | None:
        name = next(n for n, q in equation.operands.items() if q == quantity)
        known, target = self._known(equation), self.sizes[equation.left]
        found = equation.right.solve(name, Number(target.size), known)
        if found is None:
            return None
        if found.denominator != 1:
            raise ModelError(
                f"phase '{self.phase}': no whole size of '{name}' makes {equation.right.with_sizes(known)} "
                f"equal to {target.size} ({target.reason(equation.left[1])})"
            )
        if equation.is_link:
            self.set(quantity, target)
        else:
            why = f"{equation.left[1]} {target.size} = {equation.right.with_sizes(known)}"
            self.set(quantity, Size(int(found), why, self._source(equation)))
        return quantity

    def _origin(self, equation: Equation, known: Mapping[str, int]) -> tuple[str, str]:
        if equation.is_link:
            (source,) = equation.operands.values()
            return self.sizes[source].why, self.sizes[source].given
        return equation.right.with_sizes(known), self._source(equation)

    def _source(self, equation: Equation) -> str:
        """A name that a user gave, if any size in the equation comes from one."""
        found = [self.sizes[q].given for q in (equation.left, *equation.operands.values()) if q in self.sizes]
        return next(filter(None, found), "")

    def _known(self, equation: Equation) -> dict[str, int]:
        return {n: self.sizes[q].size for n, q in equation.operands.items() if q in self.sizes}

    def _listed(self, equation: Equation) -> str:
        return ", ".join(f"{n} {size}" for n, size in self._known(equation).items())

    def _contradiction(self, name: str, first: Size, second: Size) -> ModelError:
        first, second = sorted((first, second), key=lambda s: s.why != "given")
        name = first.given if first.why == "given" else name
        return ModelError(
            f"phase '{self.phase}': dim '{name}' cannot be both {first.size} ({first.reason(name)}) "
            f"and {second.size} ({second.reason(name)})",
            hint="give sizes that agree, or leave one of them out",
        )
