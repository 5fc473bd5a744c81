"""From a file and the phases asked for to a graph with bound phases."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mapper.errors import UsageError
from mapper.frontend.dims.binding import bind, check_results
from mapper.frontend.dims.dims import Bound, Dims
from mapper.frontend.dims.symbols import Symbols
from mapper.frontend.expect import Expectation, Expectations
from mapper.frontend.facts import Source
from mapper.frontend.file.containers import open_containers
from mapper.frontend.file.ranks import state_ranks
from mapper.frontend.file.read import read
from mapper.frontend.lowering.folded import folded_nodes
from mapper.frontend.lowering.lower import Lowering
from mapper.frontend.naming import opaque_warnings
from mapper.frontend.phases import PhaseSpec
from mapper.frontend.shapes import Interpreter
from mapper.frontend.states.state import Ends, find_states
from mapper.frontend.survey import Survey
from mapper.frontend.walk.trace import Trace
from mapper.ir.graph import Graph, Phase

_NONE: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True)
class Imported:
    """A model ready to be mapped. opset: of ai.onnx, 0 if the file uses none of it.

    digest: sha256 of the file; of one over 256 MiB, sha256 of its size and of all but its weights. expectations: the
    quantities that depend on data, and what was taken for each. survey: the file itself and what its dims were bound
    to; None for a graph that comes from no file. folded: the nodes of the file that no op stands for, by reason.
    """

    graph: Graph
    phases: tuple[Phase, ...]
    warnings: tuple[str, ...]
    digest: str
    opset: int
    seconds: float
    expectations: tuple[Expectation, ...] = ()
    survey: Survey | None = None
    folded: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def load_model(
    path: str | Path,
    phases: Sequence[PhaseSpec] = (),
    dims: Mapping[str, int] = _NONE,
    expect: Mapping[str, int] = _NONE,
) -> Imported:
    """The graph of an ONNX file and its phases; weights are never read.

    `dims` hold for all phases unless a phase says otherwise. Without phases there is one, `run`, with one call.
    `expect` sets quantities that depend on data, by the names that the warnings and `mapper inspect` show. Raises
    ModelError for a file or binding that cannot be mapped.
    """
    found, expectations = load_file(path, phases, dims, expect)
    expectations.check_used()
    return found


def load_file(
    path: str | Path, phases: Sequence[PhaseSpec], dims: Mapping[str, int], expect: Mapping[str, int]
) -> tuple[Imported, Expectations]:
    """As `load_model`, with what was met of `expect`: where there are several files, each uses some of it."""
    start = time.perf_counter()
    walked = walk_file(Path(path), phases, dims, expect)
    source, trace, bounds, expectations = walked.source, walked.trace, walked.bounds, walked.expectations
    states = find_states(Ends(trace.samples[0], tuple(source.inputs), source.outputs, trace.nodes))
    symbols = Symbols([bound for of_phase in bounds for bound in of_phase], sorted(walked.dims.terms))
    lowering = Lowering(source, trace, symbols, states)
    graph = lowering.graph()
    result = tuple(
        Phase(spec.name, spec.given, spec.calls_or_length, sizes, spec.samples()[1])
        for spec, sizes in zip(walked.specs, _by_phase(symbols, bounds), strict=True)
    )
    warnings = (*source.warnings, *trace.warnings, *expectations.warnings(), *opaque_warnings(lowering.opaque))
    seconds = time.perf_counter() - start
    file = walked.survey.bound(bounds)
    left_out = folded_nodes(source.every_node, graph.ops, lowering.gone, trace.placed)
    expected = expectations.found()
    imported = Imported(graph, result, warnings, source.digest, source.opset, seconds, expected, file, left_out)
    return imported, expectations


@dataclass(frozen=True, slots=True)
class Walked:
    """A file with the facts of all its values: in `trace.samples` one mapping per sample, phase after phase."""

    source: Source
    dims: Dims
    survey: Survey
    specs: tuple[PhaseSpec, ...]
    bounds: list[list[Bound]]
    trace: Trace
    expectations: Expectations


def walk_file(path: Path, phases: Sequence[PhaseSpec], dims: Mapping[str, int], expect: Mapping[str, int]) -> Walked:
    """Read a file and follow the sizes asked for through all of it. Raises ModelError where they do not go through."""
    specs = tuple(spec.over(dims) for spec in phases or (PhaseSpec("run", calls=1),))
    check_names(specs)
    source = read(path)
    expectations = Expectations(expect)
    open_containers(source, expectations)
    state_ranks(source, expectations)
    open_dims = Dims.of(source)
    survey = Survey.of(source, open_dims)
    bounds = [[bind(open_dims, spec.name, given) for given in spec.samples()[0]] for spec in specs]
    flat = [bound for of_phase in bounds for bound in of_phase]
    trace = Interpreter(source, expectations).trace(flat)
    source.outputs = trace.outputs
    named = [spec.name for spec, of_phase in zip(specs, bounds, strict=True) for _ in of_phase]
    for name, bound, facts in zip(named, flat, trace.samples, strict=True):
        check_results(open_dims, name, bound, facts)
    return Walked(source, open_dims, survey, specs, bounds, trace, expectations)


def check_names(specs: Sequence[PhaseSpec]) -> None:
    """Refuses two phases of one name."""
    names = [spec.name for spec in specs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"two phases are called '{twice[0]}'", hint="give each phase its own name")


def _by_phase(symbols: Symbols, bounds: Sequence[Sequence[Bound]]) -> list[tuple[tuple[str, tuple[int, ...]], ...]]:
    """For each phase, the sizes of all symbolic dims at its samples."""
    found = []
    start = 0
    for samples in bounds:
        end = start + len(samples)
        found.append(tuple((name, vector[start:end]) for name, vector in symbols.used()))
        start = end
    return found
