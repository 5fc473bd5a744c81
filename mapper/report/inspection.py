"""What the compiler understood of a model: the data behind `mapper inspect`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mapper.frontend.expect import Expectation
from mapper.frontend.load import Imported
from mapper.frontend.survey import Survey
from mapper.hw.work import Role, Work
from mapper.ir.graph import Graph, Phase, static_elements
from mapper.ir.plan import Plan
from mapper.ir.runs import Run, runs
from mapper.report.requests import DimView, InputView, StateView, dims_of, inputs_of, states_of
from mapper.report.workload import Amount, KindRow, OpaqueRow, amount_of, opaque_rows, rows_by_kind, works_of


@dataclass(frozen=True, slots=True)
class PhaseView:
    """One call of a phase: at its middle sample; state_bytes are what a request holds after its largest one.

    sizes: of the open dims at that sample.
    """

    name: str
    given: tuple[tuple[str, str], ...]
    calls: int
    sizes: tuple[tuple[str, int], ...]
    total: Amount
    state_bytes: int
    kinds: tuple[KindRow, ...]
    opaque: tuple[OpaqueRow, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """`times` equal blocks of `ops` ops, one after another. first: the op that begins them; amount: of one block in the
    first phase; details: its kinds with their number."""

    times: int
    ops: int
    first: str
    amount: Amount
    details: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inspection:
    """A model as the compiler sees it after import and fusion. None: not known, as dims or shapes are missing.

    parameters: elements that the file stores as weights, in its own form; used: elements of the weights that ops read.
    missing: sizes that would do, by the name of the dim that lacks one. unresolved: a line for each value that has no
    shape. problem: the error that stopped the import. folded: how many nodes of the file no op stands for, by reason.
    """

    model: str
    opset: int
    nodes: int
    parameters: int
    inputs: tuple[InputView, ...]
    dims: tuple[DimView, ...]
    ops: int | None = None
    used: int | None = None
    weight_bytes: int | None = None
    phases: tuple[PhaseView, ...] = ()
    states: tuple[StateView, ...] = ()
    blocks: tuple[Block, ...] = ()
    expectations: tuple[Expectation, ...] = ()
    warnings: tuple[str, ...] = ()
    folded: tuple[tuple[str, int], ...] = ()
    missing: tuple[tuple[str, int], ...] = ()
    unresolved: tuple[str, ...] = ()
    problem: str = ""
    seconds: float = 0.0

    @property
    def complete(self) -> bool:
        """Whether every value has a shape."""
        return not self.missing and not self.unresolved

    @property
    def macs(self) -> int | None:
        """Multiply-accumulates of one call of the first phase, at its middle sample."""
        return self.phases[0].total.macs if self.phases else None

    @property
    def state_bytes(self) -> int | None:
        """What a request holds after a call of the first phase, at its largest sample."""
        return self.phases[0].state_bytes if self.phases else None


def beginning(
    model: str,
    survey: Survey,
    phases: Sequence[str],
    given: Sequence[Mapping[str, str]],
    missing: Mapping[str, int] | None = None,
) -> Inspection:
    """What the file alone says, before any shape is found; `missing` are sizes that would do for dims without one."""
    dims = dims_of(survey, phases, given, frozenset(missing or ()))
    inputs = inputs_of(survey)
    lacking = tuple((missing or {}).items())
    return Inspection(model, survey.opset, survey.nodes, survey.parameters, inputs, dims, missing=lacking)


def inspection_of(model: str, found: Imported, plan: Plan) -> Inspection:
    """The inspection of an imported model whose graph passes have run."""
    graph, survey = plan.graph, found.survey
    assert survey is not None
    bindings = {p.name: p.bindings()[len(p.shares) // 2] for p in plan.phases}
    works = {name: works_of(graph, binding) for name, binding in bindings.items()}
    states = states_of(graph, plan.phases, survey)
    views = tuple(_phase(graph, p, bindings[p.name], works[p.name], states) for p in plan.phases)
    weights = [v for v in graph.values if v.role is Role.WEIGHT and graph.users.get(v.name)]
    return replace(
        beginning(model, survey, [p.name for p in plan.phases], [dict(p.given) for p in plan.phases]),
        inputs=inputs_of(survey, graph.states),
        ops=len(graph.ops),
        used=graph.parameters,
        weight_bytes=sum(v.dtype.bytes_for(static_elements(v)) for v in weights),
        phases=views,
        states=states,
        blocks=_blocks(plan, works[plan.phases[0].name]),
        expectations=found.expectations,
        warnings=found.warnings,
        folded=tuple((reason, len(names)) for reason, names in found.folded.items()),
        seconds=found.seconds,
    )


def _phase(
    graph: Graph, phase: Phase, binding: Mapping[str, int], works: Mapping[str, Work], states: Sequence[StateView]
) -> PhaseView:
    kept = sum(size for state in states for name, size in state.bytes if name == phase.name)
    return PhaseView(
        phase.name, phase.given, phase.calls, tuple(binding.items()), amount_of(works.values()), kept,
        rows_by_kind(graph, works), opaque_rows(graph, works),
    )  # fmt: skip


def _blocks(plan: Plan, works: Mapping[str, Work]) -> tuple[Block, ...]:
    clusters = plan.clusters or ()
    return tuple(_block(plan, run, works) for run in runs([c.repeat for c in clusters]))


def _block(plan: Plan, run: Run, works: Mapping[str, Work]) -> Block:
    clusters = (plan.clusters or ())[run.start : run.start + run.length]
    ops = [plan.graph.op[name] for cluster in clusters for name in cluster.ops]
    kinds: dict[str, int] = {}
    for op in ops:
        kinds[op.kind] = kinds.get(op.kind, 0) + 1
    words = tuple(f"{n} {kind}" for kind, n in sorted(kinds.items(), key=lambda item: (-item[1], item[0])))
    return Block(run.times, len(ops), ops[0].name, amount_of(works[op.name] for op in ops), words)
