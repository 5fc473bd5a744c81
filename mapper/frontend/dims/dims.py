"""The open dims of a file: what each is called, what role it has, and what relates them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import onnx

from mapper.errors import ModelError
from mapper.frontend.dims.expressions import could_be_name, is_name, names_in, parse
from mapper.frontend.dims.role_table import ROLES, Roles, Slot
from mapper.frontend.dims.roles import find_roles
from mapper.frontend.dims.solver import Equation, Quantity
from mapper.frontend.dims.widths import cache_widths
from mapper.frontend.facts import Declared, DimTerm, Source
from mapper.ir.graph import Shape

_T = onnx.TensorProto
_FLOATS = frozenset({_T.FLOAT, _T.FLOAT16, _T.BFLOAT16, _T.DOUBLE})
_NOT_NUMBERS = frozenset({_T.STRING, _T.UNDEFINED})


@dataclass(frozen=True, slots=True)
class Bound:
    """The inputs' shapes at one sample, and what each name stands for there.

    roles: sizes by role. names: sizes by the file's own dim names. scalars: values given for scalar inputs. reasons:
    by role, own name and `input.index`, where its size comes from. results: sizes given for names that only outputs
    have, to be checked.
    """

    shapes: dict[str, Shape]
    roles: dict[str, int]
    names: dict[str, int]
    scalars: dict[str, int]
    reasons: dict[str, str] = field(default_factory=dict)
    results: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Dims:
    """The open dims of a file: what each input dim is called and what role it has."""

    inputs: Mapping[str, Declared]
    outputs: Mapping[str, Declared]
    found: Roles
    symbols: frozenset[str]
    """Names that can be given a size: the file's own, those inside its expressions, and whole expressions."""
    terms: frozenset[str]
    """Names and expressions of the inputs' dims."""
    widths: Mapping[Slot, tuple[int, str]]
    """Sizes that the nodes leave no choice of, and why."""

    @classmethod
    def of(cls, source: Source) -> Dims:
        """The dims of the file's inputs; an input without a rank is a ModelError."""
        for name, declared in source.inputs.items():
            if declared.dims is None:
                raise ModelError(
                    f"input '{name}' states no shape", hint="export the model with the ranks of its inputs"
                )
        outputs = {n: source.declared[n] for n in source.outputs if n in source.declared}
        terms = {t for d in source.inputs.values() for t in d.dims or () if isinstance(t, str)}
        inner = {n for t in terms if is_expression(t, terms) for n in names_in(t)}
        found = find_roles(source.inputs, source.nodes, outputs)
        return cls(source.inputs, outputs, found, frozenset(terms | inner), frozenset(terms), cache_widths(source))

    @property
    def roles(self) -> Mapping[Slot, str]:
        """Roles by input dim."""
        return self.found.of

    @cached_property
    def scalars(self) -> tuple[str, ...]:
        """Inputs of one number, which can be given a value."""
        return tuple(n for n, d in self.inputs.items() if d.dims in ((), (1,)) and d.elem not in _NOT_NUMBERS)

    def term(self, slot: Slot) -> DimTerm:
        """What the file writes there."""
        return (self.inputs[slot[0]].dims or ())[slot[1]]

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """All input dims."""
        return tuple((name, i) for name, d in self.inputs.items() for i in range(len(d.dims or ())))

    def label(self, slot: Slot) -> str:
        """The name to bind a dim by: its role unless the file uses that word otherwise, else its own name or place."""
        role, term = self.roles.get(slot, ""), self.term(slot)
        if role and (role not in self.symbols or role == term):
            return role
        if isinstance(term, str) and not set(term) & set(" =\t\n"):
            return term
        return place(slot)

    @cached_property
    def places(self) -> frozenset[str]:
        """All input dims as a user writes them."""
        return frozenset(map(place, self.slots))

    @cached_property
    def known_names(self) -> tuple[str, ...]:
        """All that a user can bind, but for places that have a name."""
        unnamed = [place(s) for s in self.slots if self.term(s) is None and s not in self.roles]
        return tuple(dict.fromkeys((*sorted(self.symbols), *self.roles_present, *unnamed, *self.scalars)))

    @cached_property
    def results(self) -> dict[str, list[Slot]]:
        """Names that only outputs' dims have, and where."""
        found: dict[str, list[Slot]] = {}
        for name, declared in self.outputs.items():
            for index, term in enumerate(declared.dims or ()):
                if isinstance(term, str) and term not in self.symbols:
                    found.setdefault(term, []).append((name, index))
        return found

    @cached_property
    def roles_present(self) -> tuple[str, ...]:
        """The roles that a user can bind."""
        present = set(self.roles.values())
        if "past" in present:
            present |= {"total", "seq"}
        return tuple(r for r in ROLES if r in present)

    @cached_property
    def equations(self) -> list[Equation]:
        """What relates places, names and roles."""
        found = []
        for slot in self.slots:
            here, term = ("place", place(slot)), self.term(slot)
            if isinstance(term, str):
                found.append(Equation.same(here, ("name", term)))
            if slot in self.roles:
                found.append(Equation.same(here, ("role", self.roles[slot]), weak=slot in self.found.weak))
        found += [equation_of(term) for term in sorted(self.terms) if is_expression(term, self.terms)]
        if self.found.has("past"):
            found.append(_equation(("role", "total"), "past + seq", "role"))
        return found

    def spreads(self, slot: Slot) -> bool:
        """Whether it is a batch of one for all, as a bias or a mask of floats has it beside inputs of any batch."""
        batch = self.roles.get(slot) == "batch" and self.term(slot) == 1
        floats = self.inputs[slot[0]].elem in _FLOATS
        return batch and floats and any(r == "batch" and self.term(s) != 1 for s, r in self.roles.items())

    def describe(self, slot: Slot) -> str:
        """Where a dim is, what the file calls it, and its size if fixed."""
        term, where = self.term(slot), f"dim {slot[1]} of input '{slot[0]}'"
        if isinstance(term, int):
            return f"{where}, fixed at {term}"
        return f"{where}, called '{term}' in the file" if term not in (None, self.label(slot)) else where


def place(slot: Slot) -> str:
    """An input dim as a user writes it: `input_ids.1`."""
    return f"{slot[0]}.{slot[1]}"


def is_expression(term: str, terms: Collection[str]) -> bool:
    """Whether a term is to be computed: it parses, and is no name with dashes whose parts nothing else is called."""
    if is_name(term) or parse(term) is None:
        return False
    return not could_be_name(term) or all(name in terms for name in names_in(term))


def equation_of(term: str) -> Equation:
    """What an expression in the file says: its text is its value."""
    return _equation(("name", term), term, "name")


def _equation(left: Quantity, text: str, kind: str) -> Equation:
    expression = parse(text)
    if expression is None:
        raise ValueError(f"'{text}' is no expression")
    return Equation(left, expression, {n: (kind, n) for n in expression.names})
