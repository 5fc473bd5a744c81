"""What the compiler understands of a model, without a target: import, graph passes, and no mapping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mapper.errors import MissingDims, UnresolvedShapes
from mapper.frontend import PhaseSpec, load_model, parse_phase
from mapper.frontend.load import Imported
from mapper.frontend.survey import survey
from mapper.hw.target import Target
from mapper.ir.plan import Plan
from mapper.pipeline.named import pipeline_of
from mapper.pipeline.pass_ import Context
from mapper.report.inspection import Inspection, beginning, inspection_of

_NO_TARGET = Target("none", "nothing is mapped", (), (), ())


def inspect(
    model: str | Path,
    phases: Sequence[str | PhaseSpec] = (),
    *,
    dims: Mapping[str, int] | None = None,
    expect: Mapping[str, int] | None = None,
) -> Inspection:
    """What the compiler makes of an ONNX model: inputs, dims, states, kinds of ops, repeated blocks, what is opaque.

    phases, dims and expect are those of `compile`. Dims without a size and values without a shape are part of the
    answer (`complete` is False then). Raises MapperError for a file or a binding that is wrong.
    """
    specs = [parse_phase(p) if isinstance(p, str) else p for p in phases]
    name = Path(model).name.removesuffix(".onnx")
    try:
        found = load_model(model, specs, dims or {}, expect or {})
    except MissingDims as missing:
        return replace(_begun(name, model, specs, dims, missing.example), problem=str(missing))
    except UnresolvedShapes as open_values:
        return replace(_begun(name, model, specs, dims), unresolved=open_values.values, problem=str(open_values))
    return inspection_of(name, found, _understood(name, found))


def _understood(name: str, found: Imported) -> Plan:
    """The plan after the graph passes, each op a cluster of its own."""
    plan = Plan(_NO_TARGET, replace(found.graph, name=name), found.phases)
    return pipeline_of("understand").run(plan, Context())


def _begun(
    name: str,
    model: str | Path,
    specs: Sequence[PhaseSpec],
    dims: Mapping[str, int] | None,
    missing: Mapping[str, int] | None = None,
) -> Inspection:
    """What can be said without shapes."""
    asked = [spec.over(dims or {}) for spec in specs or (PhaseSpec("run"),)]
    return beginning(name, survey(model), [s.name for s in asked], [dict(s.given) for s in asked], missing)
