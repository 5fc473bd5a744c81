"""Binds the dims of a file's inputs to numbers: by the file's own names, by role, and by what follows from these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod

from mapper.errors import MissingDims, ModelError, did_you_mean
from mapper.frontend.expressions import evaluate, is_name, names_in
from mapper.frontend.facts import Declared
from mapper.frontend.roles import ROLES, Slot, find_roles
from mapper.ir.graph import Shape

_LARGEST = 2**63
_EXAMPLES = {"batch": 1, "past": 512}


@dataclass(frozen=True, slots=True)
class Bound:
    """The inputs' shapes at one sample, and what each name stands for there.

    roles: sizes by role. names: sizes by the file's own dim names. scalars: values given for scalar inputs. reasons:
    by role, own name or `input.index`, where its size comes from.
    """

    shapes: dict[str, Shape]
    roles: dict[str, int]
    names: dict[str, int]
    scalars: dict[str, int]
    reasons: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dims:
    """The open dims of a file: what each input dim is called and what role it has."""

    inputs: Mapping[str, Declared]
    roles: Mapping[Slot, str]
    symbols: frozenset[str]
    """Names that can be given a size."""
    terms: frozenset[str]
    """Names and expressions."""

    @classmethod
    def of(cls, inputs: Mapping[str, Declared]) -> Dims:
        """The dims of these inputs; an input without a rank is a ModelError."""
        for name, declared in inputs.items():
            if declared.dims is None:
                raise ModelError(
                    f"input '{name}' states no shape", hint="export the model with the ranks of its inputs"
                )
        terms = {t for d in inputs.values() for t in d.dims or () if isinstance(t, str)}
        plain = {t for t in terms if is_name(t)}
        composed = {t for t in terms - plain if names_in(t) and set(names_in(t)) <= plain}
        return cls(inputs, find_roles(inputs), frozenset(terms - composed), frozenset(terms))

    @property
    def scalars(self) -> tuple[str, ...]:
        """Inputs of one number, which can be given a value."""
        return tuple(n for n, d in self.inputs.items() if d.dims in ((), (1,)))

    def known_names(self) -> tuple[str, ...]:
        """All that a user can bind."""
        unnamed = [
            f"{name}.{i}"
            for name, d in self.inputs.items()
            for i, term in enumerate(d.dims or ())
            if term is None and (name, i) not in self.roles
        ]
        return (*sorted(self.symbols), *self._roles_present(), *unnamed, *self.scalars)

    def _roles_present(self) -> tuple[str, ...]:
        present = set(self.roles.values())
        if "past" in present:
            present |= {"total", "seq"}
        return tuple(r for r in ROLES if r in present)

    def bind(self, phase: str, given: Mapping[str, int]) -> Bound:
        """The inputs' shapes for the given sizes, or a ModelError that names what is missing or contradicts."""
        return _Solver(self, phase, given).solve()


class _Solver:
    """Spreads sizes over the dims of one sample until nothing new follows."""

    def __init__(self, dims: Dims, phase: str, given: Mapping[str, int]) -> None:
        self.dims = dims
        self.phase = phase
        self.sizes: dict[tuple[str, str], tuple[int, str]] = {}
        self.scalars: dict[str, int] = {}
        self.slots = {(name, i): term for name, d in dims.inputs.items() for i, term in enumerate(d.dims or ())}
        for name, size in given.items():
            self._give(name, size)

    def _give(self, name: str, size: int) -> None:
        known = self.dims.known_names()
        roles = self.dims._roles_present()
        if name not in known:
            if name == "past" and size == 0:  # true of a graph without a cache
                return
            hint = did_you_mean(name, known, otherwise="it has")
            raise ModelError(f"phase '{self.phase}': the model has no dim '{name}'; {hint}")
        if name in self.dims.symbols:
            self._set(("name", name), size, "given")
        elif name in roles:
            self._set(("role", name), size, "given")
        elif name in self.dims.scalars:
            self.scalars[name] = size
        else:
            self._set(("slot", name), size, "given")

    def _set(self, key: tuple[str, str], size: int, why: str) -> bool:
        """Notes a size; True if it is new. A different one noted before is refused with both numbers."""
        before = self.sizes.get(key)
        if before is None:
            self.sizes[key] = (size, why)
            return True
        if before[0] != size:
            raise ModelError(
                f"phase '{self.phase}': dim '{key[1]}' cannot be both {before[0]} ({before[1]}) and {size} ({why})",
                hint="give sizes that agree, or leave one of them out",
            )
        return False

    def _get(self, key: tuple[str, str]) -> int | None:
        found = self.sizes.get(key)
        return None if found is None else found[0]

    def _term(self, slot: Slot) -> tuple[int | None, str]:
        """The size of a dim as its own name says, and where that comes from."""
        term, where = self.slots[slot], f"dim {slot[1]} of input '{slot[0]}'"
        if isinstance(term, int):
            return term, f"fixed by {where}"
        if term is None:
            return self._get(("slot", f"{slot[0]}.{slot[1]}")), where
        names = {n: size for (kind, n), (size, _) in self.sizes.items() if kind == "name"}
        return evaluate(term, names), f"{where}, '{term}'"

    def solve(self) -> Bound:
        """All sizes, checked."""
        while self._spread() or self._add_up():
            pass
        self._check_complete()
        shapes = {
            name: tuple(self._size((name, i)) or 0 for i in range(len(d.dims or ())))
            for name, d in self.dims.inputs.items()
        }
        self._check_sizes(shapes)
        roles = {n: size for (kind, n), (size, _) in self.sizes.items() if kind == "role"}
        names = {n: size for (kind, n), (size, _) in self.sizes.items() if kind == "name"}
        reasons = {n: why for (_, n), (_, why) in self.sizes.items()}
        return Bound(shapes, roles, names, self.scalars, reasons)

    def _size(self, slot: Slot) -> int | None:
        size, _ = self._term(slot)
        if size is None and slot in self.dims.roles:
            size = self._get(("role", self.dims.roles[slot]))
        return size

    def _spread(self) -> bool:
        """Carries sizes between the roles and the names of each dim."""
        news = False
        for slot, role in self.dims.roles.items():
            size, why = self._term(slot)
            if size is not None:
                news |= self._set(("role", role), size, why)
                continue
            known, term = self._get(("role", role)), self.slots[slot]
            if known is not None and isinstance(term, str) and term in self.dims.symbols:
                news |= self._set(("name", term), known, f"dim '{role}'")
        return news

    def _add_up(self) -> bool:
        """The rule total = past + seq, used for whichever is missing, and checked."""
        if "past" not in self.dims.roles.values():
            return False
        seq, past, total = (self._get(("role", r)) for r in ("seq", "past", "total"))
        if seq is not None and past is not None:
            return self._set(("role", "total"), past + seq, f"past {past} + seq {seq}")
        if total is not None and seq is not None:
            return self._set(("role", "past"), total - seq, f"total {total} - seq {seq}")
        if total is not None and past is not None:
            return self._set(("role", "seq"), total - past, f"total {total} - past {past}")
        return False

    def _check_complete(self) -> None:
        open_slots = [slot for slot in self.slots if self._size(slot) is None]
        if not open_slots:
            return
        wanted: dict[str, Slot] = {}
        for slot in open_slots:
            term = self.slots[slot]
            inner = [n for n in names_in(term) if n in self.dims.symbols] if isinstance(term, str) else []
            name = term if isinstance(term, str) and term in self.dims.symbols else inner[0] if inner else None
            wanted.setdefault(self.dims.roles.get(slot) or name or f"{slot[0]}.{slot[1]}", slot)
        details = [self._describe(name, slot) for name, slot in wanted.items()]
        raise MissingDims(self.phase, {name: _EXAMPLES.get(name, 128) for name in wanted}, details=details)

    def _describe(self, name: str, slot: Slot) -> str:
        term = self.slots[slot]
        own = f", called '{term}' in the file" if term not in (None, name) else ""
        return f"{name}: dim {slot[1]} of input '{slot[0]}'{own}"

    def _check_sizes(self, shapes: Mapping[str, Shape]) -> None:
        """Sizes are positive (a cache may be empty) and tensors stay addressable."""
        for name, shape in shapes.items():
            for index, size in enumerate(shape):
                least = 0 if self.dims.roles.get((name, index)) == "past" else 1
                if size < least:
                    raise ModelError(
                        f"phase '{self.phase}': dim {index} of input '{name}' would be {size}; the least is {least}"
                    )
            if prod(shape) >= _LARGEST:
                sizes = " x ".join(map(str, shape))
                raise ModelError(f"phase '{self.phase}': input '{name}' would have {sizes} elements, more than 2^63")
