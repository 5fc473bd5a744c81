"""What one file leaves for another: states that go on, results that are inputs there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from mapper.errors import ModelError, UsageError, did_you_mean
from mapper.frontend.states.state import stem
from mapper.hw.work import Role
from mapper.ir.graph import Graph, Phase, State, Value, bind

_RECEIVES = re.compile(
    r"^(encoder_hidden_states?|encoder_outputs?|encoder_out|memory|encoder_features|audio_features)$"
)
"""Inputs of decoders that take what an encoder leaves."""


@dataclass(frozen=True)
class Part:
    """One of several files: its graph, its phases, and the word that tells its names from those of others."""

    label: str
    graph: Graph
    phases: tuple[Phase, ...]
    file: str


def continued(earlier: Part, later: Part) -> dict[str, str]:
    """States of a later file (by its own name of each) that an earlier one leaves, by that one's name.

    Pairs agree in number type, rank and all fixed sizes but one; words of their names decide, else their order where
    both have as many. Raises ModelError where the earlier file leaves another length than the later one starts from.
    """
    left = [s for s in earlier.graph.states if s.present]
    wanted = [s for s in later.graph.states if s.past]
    pairs: list[tuple[State, State]] = []
    by_stem = {stem(s.left): s for s in left}
    for state in wanted:
        other = by_stem.get(stem(state.past))
        if other is not None and _fits(_left(earlier, other), _past(later, state)):
            pairs.append((other, state))
    if not pairs and len(left) == len(wanted):
        rows = list(zip(left, wanted, strict=True))
        pairs = rows if all(_fits(_left(earlier, a), _past(later, b)) for a, b in rows) else []
    for other, state in pairs:
        _check_length(earlier, other, later, state)
    return {state.name: other.name for other, state in pairs}


def _left(part: Part, state: State) -> Value:
    return part.graph.value[state.left]


def _past(part: Part, state: State) -> Value:
    return part.graph.value[state.past]


def _fits(one: Value, other: Value) -> bool:
    """Whether two values may be one state: one type and rank, and at most one dim apart that is not open."""
    if one.dtype != other.dtype or len(one.shape) != len(other.shape):
        return False
    fixed = [(a, b) for a, b in zip(one.shape, other.shape, strict=True) if isinstance(a, int) and isinstance(b, int)]
    return sum(a != b for a, b in fixed) <= 1


def _check_length(earlier: Part, other: State, later: Part, state: State) -> None:
    """A request arrives with as much of a state as it left with."""
    before, after = earlier.phases[-1], later.phases[0]
    leaves = bind(_left(earlier, other).shape, before.bindings()[-1])
    starts = bind(_past(later, state).shape, after.bindings()[0])
    if leaves == starts:
        return
    where = next(i for i, (a, b) in enumerate(zip(leaves, starts, strict=True)) if a != b)
    raise ModelError(
        f"phase '{before.name}' leaves {leaves[where]} in dim {where} of state '{other.left}' ({list(leaves)}), phase "
        f"'{after.name}' starts from {starts[where]} in '{state.past}' ({list(starts)})",
        hint=f"a request goes through both: bind them alike, as in past={leaves[where]} for '{after.name}'",
    )


def received(parts: Sequence[Part], wanted: Sequence[tuple[str, str]]) -> list[tuple[int, str, int, str]]:
    """(file, result, file, input) of all results that are inputs of a later file: those asked for as (result, input),
    and inputs that are called like a result, or as decoders call what an encoder leaves; shapes agree.

    Raises UsageError for a name that no file has, ModelError for shapes that do not agree.
    """
    found = [_asked(parts, made, read) for made, read in wanted]
    taken = {(j, read) for _, _, j, read in found}
    for j, later in enumerate(parts):
        for value in later.graph.values:
            if value.role is Role.INPUT and (j, value.name) not in taken and later.graph.users.get(value.name):
                found += _source(parts[:j], later, j, value)
    return found


def _source(earlier: Sequence[Part], later: Part, j: int, value: Value) -> list[tuple[int, str, int, str]]:
    """The nearest result before a file that an input of it receives; none, or one."""
    for i in range(len(earlier) - 1, -1, -1):
        results = [v for v in earlier[i].graph.values if v.role is Role.OUTPUT and v.dtype == value.dtype]
        fitting = [v for v in results if _sizes(earlier[i], v, -1) == _sizes(later, value, 0)]
        named = [v for v in fitting if v.name == value.name]
        alone = fitting if _RECEIVES.match(value.name) and len(value.shape) == 3 else []
        if named or alone:
            return [(i, (named or alone)[0].name, j, value.name)]
    return []


def _sizes(part: Part, value: Value, sample: int) -> tuple[int, ...]:
    return bind(value.shape, part.phases[sample].bindings()[sample])


def _asked(parts: Sequence[Part], made: str, read: str) -> tuple[int, str, int, str]:
    makers = [(i, n) for i, n in _named(parts, made, Role.OUTPUT)]
    readers = [(j, n) for j, n in _named(parts, read, Role.INPUT)]
    for what, text, ends, role in (("result", made, makers, Role.OUTPUT), ("input", read, readers, Role.INPUT)):
        if not ends:
            known = [v.name for p in parts for v in p.graph.values if v.role is role]
            raise UsageError(f"--connect {made}={read}: no file has {what} '{text}'; {did_you_mean(text, known)}")
    pairs = [(i, m, j, r) for i, m in makers for j, r in readers if i < j]
    if not pairs:
        raise UsageError(
            f"--connect {made}={read}: the file with the result must come before the one with the input",
            hint="order the files, or write FILE/NAME for a name that several have",
        )
    i, m, j, r = pairs[0]
    one, other = parts[i].graph.value[m], parts[j].graph.value[r]
    leaves, takes = _sizes(parts[i], one, -1), _sizes(parts[j], other, 0)
    if prod(leaves) != prod(takes) or one.dtype != other.dtype:
        raise ModelError(
            f"--connect {made}={read}: the result is {list(leaves)} of {one.dtype}, the input {list(takes)} of "
            f"{other.dtype}",
            hint="bind the dims of both phases so that they agree",
        )
    return i, m, j, r


def _named(parts: Sequence[Part], text: str, role: Role) -> list[tuple[int, str]]:
    return [
        (i, v.name)
        for i, p in enumerate(parts)
        for v in p.graph.values
        if v.role is role and text in (v.name, f"{p.label}/{v.name}")
    ]
