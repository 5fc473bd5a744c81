"""Binds the dims of a file's inputs to numbers: by the file's own names, by role, and by what follows from these."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from math import prod

import numpy as np

from mapper.errors import MissingDims, ModelError, did_you_mean
from mapper.frontend.dims.dims import Bound, Dims, equation_of, is_expression, place
from mapper.frontend.dims.missing import Asked, suggest
from mapper.frontend.dims.role_table import ROLES, Slot
from mapper.frontend.dims.solver import Equation, Quantity, Size, Solver
from mapper.frontend.facts import Fact, numpy_type
from mapper.ir.graph import Shape

_LARGEST = 2**63


def bind(dims: Dims, phase: str, given: Mapping[str, int]) -> Bound:
    """The inputs' shapes for the given sizes, or a ModelError that names what is missing or contradicts."""
    for name, size in given.items():
        if not is_known(dims, name) and (name, size) != ("past", 0):  # no past is true of a graph without a cache
            raise _unknown(dims, phase, name, given)
    solver = _solve(dims, phase, given)
    _check_complete(dims, phase, solver)
    sizes = solver.sizes
    shapes = {
        name: tuple(sizes["place", place((name, i))].size for i in range(len(d.dims or ())))
        for name, d in dims.inputs.items()
    }
    _check_sizes(dims, phase, shapes)
    return Bound(
        shapes,
        roles={n: s.size for (kind, n), s in sizes.items() if kind == "role"},
        names={n: s.size for (kind, n), s in sizes.items() if kind == "name"},
        scalars={n: _scalar(dims, phase, n, given[n]) for n in dims.scalars if n in given},
        reasons={n: s.reason(n) for wanted in ("place", "role", "name") for (k, n), s in sizes.items() if k == wanted},
        results={n: given[n] for n in dims.results if n in given},
    )


def is_known(dims: Dims, name: str) -> bool:
    """Whether a user can give this name a size."""
    return name in dims.known_names or name in dims.places or name in dims.results


def check_results(dims: Dims, phase: str, bound: Bound, facts: Mapping[str, Fact]) -> None:
    """Refuses a size given for a dim that only outputs have if it came out otherwise."""
    for term, size in bound.results.items():
        for name, index in dims.results[term]:
            shape = facts[name].shape if name in facts else None
            if shape is not None and index < len(shape) and shape[index] != size:
                raise ModelError(
                    f"phase '{phase}': dim {index} of output '{name}', called '{term}' in the file, "
                    f"is {shape[index]}, not {size} (given)",
                    hint=f"leave '{term}' out: it follows from the inputs' dims",
                )


def _solve(dims: Dims, phase: str, given: Mapping[str, int]) -> Solver:
    """All sizes that follow."""
    stated = {*dims.terms, *dims.results}
    more = [equation_of(n) for n in given if n in dims.results and is_expression(n, stated)]
    alone = _batches_of_one(dims, given)
    solver = Solver(phase, [*(e for e in _agreeing(dims, phase) if e.left not in alone), *more])
    _set_fixed(dims, solver)
    for name, size in given.items():
        quantity = _quantity(dims, name)
        if quantity is not None:
            solver.set(quantity, Size(size, "given", name))
    solver.spread()
    for slot, (size, why) in dims.widths.items():
        if ("place", place(slot)) not in solver.sizes:
            solver.set(("place", place(slot)), Size(size, why))
            solver.spread([("place", place(slot))])
    return solver


def _set_fixed(dims: Dims, solver: Solver) -> None:
    for slot in dims.slots:
        term = dims.term(slot)
        if isinstance(term, int):
            solver.set(("place", place(slot)), Size(term, f"fixed by dim {slot[1]} of input '{slot[0]}'"))


def _batches_of_one(dims: Dims, given: Mapping[str, int]) -> set[Quantity]:
    """Places fixed at a batch of one that serves all, where the batch given is another."""
    names = {n for s, r in dims.roles.items() if r == "batch" for n in ("batch", dims.term(s)) if isinstance(n, str)}
    if all(given.get(name, 1) == 1 for name in names):
        return set()
    return {("place", place(slot)) for slot in dims.roles if dims.spreads(slot)}


def _agreeing(dims: Dims, phase: str) -> tuple[Equation, ...]:
    """The equations between dims; where sizes that the file fixes break them, the roles of those dims were no roles."""
    solver = Solver(phase, dims.equations)
    try:
        _set_fixed(dims, solver)
        solver.spread()
    except ModelError:
        fixed = {("place", place(s)) for s in dims.slots if isinstance(dims.term(s), int)}
        return tuple(
            e for e in dims.equations if fixed.isdisjoint(e.quantities()) or all(k != "role" for k, _ in e.quantities())
        )
    return tuple(dims.equations)


def _quantity(dims: Dims, name: str) -> Quantity | None:
    """What a name stands for: the file's own names come first. None for scalar inputs, which have a value instead."""
    if name in dims.symbols or name in dims.results:
        return "name", name
    if name in dims.roles_present:
        return "role", name
    return ("place", name) if name in dims.places else None


def _scalar(dims: Dims, phase: str, name: str, value: int) -> int:
    """The value, if the input's type has it."""
    kind = numpy_type(dims.inputs[name].elem)
    if kind == np.bool_:
        least, most = 0, 1
    elif np.issubdtype(kind, np.integer):
        least, most = int(np.iinfo(kind).min), int(np.iinfo(kind).max)
    else:
        least, most = -(2**63), 2**63
    if not least <= value <= most:
        raise ModelError(f"phase '{phase}': input '{name}' is of type {kind}, which has no {value}")
    return value


def _unknown(dims: Dims, phase: str, name: str, given: Mapping[str, int]) -> ModelError:
    """The error for a name that the file has not: what it has, and a line that would do."""
    message = f"phase '{phase}': the model has no dim '{name}'"
    if name in ("past", "total") and not dims.found.has("past"):
        message += ": it reads no cache" + (", past is 0 in all its calls" if name == "past" else "")
    else:
        message += f"; {did_you_mean(name, dims.known_names, otherwise='it has')}"
    near = difflib.get_close_matches(name, sorted(dims.known_names), n=1)
    meant = "" if not near or near[0] in given else near[0]
    known = {n: size for n, size in given.items() if is_known(dims, n)} | ({meant: given[name]} if meant else {})
    shown = [s for s in dims.slots if s in dims.roles or not isinstance(dims.term(s), int)]
    lines = {dims.label(s): dims.describe(s) for s in reversed(shown)}
    hint = f"write '{meant}'" if meant else f"leave '{name}' out"
    would = _would_do(dims, phase, known)
    if would:
        hint += f': --phase "{phase}: {" ".join(f"{n}={size}" for n, size in would.items())}"'
    return ModelError(
        message, details=[f"{label}: {text}" for label, text in sorted(lines.items(), key=_order)], hint=hint
    )


def _order(line: tuple[str, str]) -> int:
    return ROLES.index(line[0]) if line[0] in ROLES else len(ROLES)


def _would_do(dims: Dims, phase: str, given: dict[str, int]) -> dict[str, int]:
    """Sizes that bind all dims, those given first; none if those given cannot be."""
    try:
        bind(dims, phase, given)
    except MissingDims as missing:
        return given | missing.example
    except ModelError:
        return {}
    return given


def _check_complete(dims: Dims, phase: str, solver: Solver) -> None:
    open_slots = [s for s in dims.slots if ("place", place(s)) not in solver.sizes]
    if open_slots:
        asked = suggest(solver, [_ask(dims, s, solver) for s in open_slots], cached=dims.found.has("past"))
        details = [f"{a.name}: {dims.describe(a.slot)}" for a in asked]
        raise MissingDims(phase, {a.name: a.size for a in asked}, details=details)


def _ask(dims: Dims, slot: Slot, solver: Solver) -> Asked:
    """By what to ask for an open dim: its role or name, the open name in its expression, or its place."""
    label, term, role = dims.label(slot), dims.term(slot), dims.roles.get(slot, "")
    rank = len(dims.inputs[slot[0]].dims or ())
    if label == role and label not in dims.symbols:
        return Asked(label, ("role", label), slot, role, rank)
    inner = equation_of(term).operands if isinstance(term, str) and is_expression(term, dims.terms) else {}
    name = next((n for n, q in inner.items() if q not in solver.sizes), label)
    return Asked(name, ("name" if name in dims.symbols else "place", name), slot, role, rank)


def _check_sizes(dims: Dims, phase: str, shapes: Mapping[str, Shape]) -> None:
    """Sizes are positive (a cache may be empty) and tensors stay addressable."""
    for name, shape in shapes.items():
        for index, size in enumerate(shape):
            stated = dims.inputs[name].dims or ()
            least = 0 if dims.roles.get((name, index)) == "past" or stated[index] == 0 else 1
            if size < least:
                raise ModelError(
                    f"phase '{phase}': dim {index} of input '{name}' would be {size}; the least is {least}",
                    hint=f"give a size of {least} or more",
                )
        if prod(shape) >= _LARGEST:
            sizes = " x ".join(map(str, shape))
            raise ModelError(f"phase '{phase}': input '{name}' would have {sizes} elements, more than 2^63")
