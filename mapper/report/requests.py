"""What a user binds and what a request keeps: inputs, open dims, expected values, and states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

from mapper.frontend.survey import InputDim, Survey
from mapper.hw.work import DType
from mapper.ir.graph import Binding, Graph, Phase, State, bind


@dataclass(frozen=True, slots=True)
class InputView:
    """An input: shape holds numbers and the names of open dims; state: whether it is the past of one."""

    name: str
    dtype: DType
    shape: tuple[int | str, ...]
    state: bool = False


@dataclass(frozen=True, slots=True)
class PhaseSize:
    """What an open dim is in a phase: its sizes at the samples (none where it is missing) and how they were found."""

    phase: str
    sizes: tuple[int, ...]
    how: str


SCALAR = "value"
"""The role of an input of one number: what is bound is its value."""


@dataclass(frozen=True, slots=True)
class DimView:
    """An open dim, or the value of a scalar input. own: what the file calls it. inputs: where it stands, as
    `input.index`."""

    name: str
    role: str
    own: tuple[str, ...]
    inputs: tuple[str, ...]
    phases: tuple[PhaseSize, ...]


@dataclass(frozen=True, slots=True)
class StateView:
    """States of one shape and type: the first pair, how many there are, and what a request keeps of all of them.

    shape: with the names of open dims. bytes: after a call, at its largest sample, by phase. token_bytes: what one more
    position adds, 0 for a state that does not grow.
    """

    count: int
    shape: tuple[int | str, ...]
    dtype: DType
    past: str
    present: str
    bytes: tuple[tuple[str, int], ...]
    token_bytes: int


def inputs_of(survey: Survey, states: Sequence[State] = ()) -> tuple[InputView, ...]:
    """The file's inputs in its own order."""
    pasts = {s.past for s in states}
    return tuple(
        InputView(name, dtype, tuple(_shown(d) for d in dims), name in pasts) for name, dtype, dims in survey.inputs()
    )


def _shown(dim: InputDim) -> int | str:
    return dim.term if isinstance(dim.term, int) else dim.name


def dims_of(
    survey: Survey, phases: Sequence[str], given: Sequence[Mapping[str, str]], missing: frozenset[str] = frozenset()
) -> tuple[DimView, ...]:
    """The open dims, in the order of the inputs; `given` is what the user asked for in each phase."""
    found: dict[str, list[InputDim]] = {}
    for _, _, dims in survey.inputs():
        for dim in dims:
            if not isinstance(dim.term, int):
                found.setdefault(dim.name, []).append(dim)
    open_dims = tuple(_dim(survey, name, dims, phases, given, missing) for name, dims in found.items())
    return (*open_dims, *(_scalar(survey, name, phases, given) for name in survey.dims.scalars))


def _scalar(survey: Survey, name: str, phases: Sequence[str], given: Sequence[Mapping[str, str]]) -> DimView:
    """An input of one number, whose value may decide what the graph does."""
    rows = []
    for index, phase in enumerate(phases):
        bounds = survey.bounds[index] if survey.bounds else ()
        values = tuple(dict.fromkeys(b.scalars[name] for b in bounds if name in b.scalars))
        rows.append(PhaseSize(phase, values, "given" if values or name in given[index] else "any value"))
    return DimView(name, SCALAR, (), (name,), tuple(rows))


def _dim(
    survey: Survey,
    name: str,
    dims: Sequence[InputDim],
    phases: Sequence[str],
    given: Sequence[Mapping[str, str]],
    missing: frozenset[str],
) -> DimView:
    own = tuple(dict.fromkeys(d.term for d in dims if isinstance(d.term, str)))
    rows = []
    for index, (phase, wanted) in enumerate(zip(phases, given, strict=True)):
        stated = next((wanted[n] for n in (name, *own) if n in wanted), None)
        if survey.bounds:
            bounds = survey.bounds[index]
            sizes = tuple(dict.fromkeys(dims[0].size(b) for b in bounds))
            rows.append(PhaseSize(phase, sizes, "given" if stated else dims[0].reason(bounds[0])))
        else:
            asked = not missing.isdisjoint((name, *own))
            rows.append(PhaseSize(phase, (), f"given {stated}" if stated else "missing" if asked else "follows"))
    return DimView(name, dims[0].role, own, tuple(f"{d.input}.{d.index}" for d in dims), tuple(rows))


def states_of(graph: Graph, phases: Sequence[Phase], survey: Survey | None) -> tuple[StateView, ...]:
    """The graph's states in groups of equal ones."""
    named = {n: tuple(map(_shown, dims)) for n, _, dims in survey.inputs()} if survey else {}
    groups: dict[tuple[object, ...], list[State]] = {}
    for state in graph.states:
        present = graph.value[state.left]
        past = graph.value[state.past].shape if state.past else None
        shape = named.get(state.past, present.shape)
        groups.setdefault((shape, past, present.shape, present.dtype), []).append(state)
    return tuple(_state(graph, phases, survey, states, named) for states in groups.values())


def _state(
    graph: Graph,
    phases: Sequence[Phase],
    survey: Survey | None,
    states: Sequence[State],
    named: dict[str, tuple[int | str, ...]],
) -> StateView:
    first = states[0]
    present = graph.value[first.left]
    after = tuple((p.name, len(states) * max(_bytes(graph, first, b) for b in p.bindings())) for p in phases)
    length = _length(graph, phases, survey, first)
    binding = phases[0].bindings()[0]
    sizes = bind(present.shape, binding)
    token = 0 if length is None else present.dtype.bytes_for(prod(sizes)) // max(1, sizes[length])
    return StateView(
        len(states), named.get(first.past, present.shape), present.dtype, first.past, first.present, after,
        len(states) * token,
    )  # fmt: skip


def _bytes(graph: Graph, state: State, binding: Binding) -> int:
    value = graph.value[state.left]
    return value.dtype.bytes_for(prod(bind(value.shape, binding)))


def _length(graph: Graph, phases: Sequence[Phase], survey: Survey | None, state: State) -> int | None:
    """The index of the dim along which a state grows: where present and past differ; in a state that a call only
    creates, the only dim as long as the new tokens."""
    binding = phases[0].bindings()[0]
    present = bind(graph.value[state.left].shape, binding)
    if state.past:
        past = bind(graph.value[state.past].shape, binding)
        return next((i for i, (a, b) in enumerate(zip(past, present, strict=True)) if a != b), None)
    tokens = survey.bounds[0][0].roles.get("seq") if survey and survey.bounds else None
    usual = len(present) - 2  # [batch, heads, length, width]
    found = [i for i, size in enumerate(present) if size == tokens and i > 0]
    return (usual if usual in found else found[0]) if found and len(present) >= 3 else None
