"""A plan as text that stays the same from run to run: for --print-after, goldens and diffs by eye."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mapper.hw.work import TICKS_PER_SECOND, Role
from mapper.ir.graph import Attr, Graph, Op, Value
from mapper.ir.plan import Option, Plan, Slot

SCHEDULE_HEAD = 12
"""Slots shown of a schedule when no limit is given."""


def show(plan: Plan, limit: int | None = None) -> str:
    """The inputs and every decision taken so far, a section each; at most `limit` lines of a section."""
    out = [_headline(plan)]
    for title, lines, most in _sections(plan, limit):
        out.append(f"\n{title} ({len(lines)})")
        out += [f"  {line}" for line in lines[:most]]
        if most is not None and len(lines) > most:
            out.append(f"  ... {len(lines) - most} more")
    return "\n".join(out) + "\n"


def _sections(plan: Plan, limit: int | None) -> Iterator[tuple[str, list[str], int | None]]:
    """Title, lines and how many of them to show, in the order the decisions are taken."""
    yield "phases", [_phase(plan, name) for name in plan.phase], limit
    yield f"graph {plan.graph.name}", _graph(plan.graph), limit
    if plan.clusters is not None:
        lines = _table([[c.name, c.repeat, " ".join(c.ops)] for c in plan.clusters])
        yield "clusters", lines, limit
    if plan.blocks is not None:
        rows = [[b.name, f"{len(b.instances)} times", " ".join(b.instances[0])] for b in plan.blocks]
        yield "blocks", _table(rows), limit
    if plan.options is not None:
        yield "options", _table([_option(o) for o in plan.options]), limit
    if plan.refusals is not None:
        yield "refusals", [f"{r.repeat} on {r.unit_kind}: {r.op}: {r.reason}" for r in plan.refusals], limit
    if plan.tasks is not None:
        lines = _table(
            [[t.name, t.cluster, t.phase, " ".join(f"{d}={i}/{n}" for d, i, n in t.shard)] for t in plan.tasks]
        )
        yield "tasks", lines, limit
    if plan.placement is not None:
        yield "placement", _placement(plan), limit
    if plan.residency is not None:
        rows = [[r.what, r.memory, f"{r.bytes} B", "per request" if r.per_request else ""] for r in plan.residency]
        yield "residency", _table(rows), limit
    if plan.bounds is not None:
        yield "bounds", _table([[b.objective, f"{b.value:.6g}", b.name] for b in plan.bounds]), limit
    if plan.search is not None:
        loads = [f"{resource} {_time(ticks)}" for resource, ticks in plan.search.loads]
        yield f"search {plan.search.status} by {plan.search.method}", loads, limit
    if plan.schedule is not None:
        lines = _table([_slot(s) for s in plan.schedule])
        yield "schedule", lines, SCHEDULE_HEAD if limit is None else limit
    if plan.memory is not None:
        rows = [
            [b.phase, b.memory, f"[{b.offset}, {b.offset + b.size})", f"{_time(b.start)} .. {_time(b.end)}", b.value]
            for b in plan.memory
        ]
        yield "memory", _table(rows), limit
    if plan.figures is not None:
        yield "figures", _table([[name, str(number)] for name, number in plan.figures]), limit


def _headline(plan: Plan) -> str:
    words = [f"plan {plan.graph.name} on {plan.target.name}, objective {plan.objective}"]
    if plan.precision is not None:
        words.append(f"precision {plan.precision}")
    if plan.inflight is not None:
        words.append(f"{plan.inflight} requests in flight")
    return ", ".join(words)


def _phase(plan: Plan, name: str) -> str:
    phase = plan.phase[name]
    dims = " ".join(f"{dim}={'|'.join(map(str, sizes))}" for dim, sizes in phase.dims)
    return f"{name}: {phase.calls} calls {dims}".rstrip()


def _graph(graph: Graph) -> list[str]:
    """What comes from outside, a line each, then a line per op."""
    made = {name for op in graph.ops for name in op.outputs}
    given = [f"{_typed(v)} = {v.role}" for v in graph.values if v.name not in made]
    states = [f"state {_name(s.past)} -> {_name(s.present)}" for s in graph.states]
    return [*given, *states, *(_op(graph, op) for op in graph.ops)]


def _op(graph: Graph, op: Op) -> str:
    outputs = ", ".join(_typed(graph.value[n]) if n in graph.value else _name(n) for n in op.outputs)
    attrs = " ".join(f"{key}={_attr(value)}" for key, value in op.attrs)
    ends = any(n in graph.value and graph.value[n].role is Role.OUTPUT for n in op.outputs)
    text = f"{outputs} = {op.kind}({', '.join(map(_name, op.inputs))})"
    return text + (f" {{{attrs}}}" if attrs else "") + ("  ; output" if ends else "")


def _typed(value: Value) -> str:
    return f"{_name(value.name)}: {value.dtype}[{', '.join(map(str, value.shape))}]"


def _name(name: str) -> str:
    return f"%{name}" if name else "-"


def _attr(value: Attr) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_attr, value))}]"
    return f"'{value}'" if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)


def _option(option: Option) -> list[str]:
    costs = [
        f"{phase} {_time(cost.ticks)} {_energy(cost.total_pj)} ({cost.limited_by})" for phase, cost in option.costs
    ]
    weights = "no weights" if option.source < 0 else f"weights {option.source}"
    types = " ".join(dict.fromkeys(option.types))
    return [
        option.repeat,
        ",".join(option.units),
        weights,
        f"x{option.replicas}",
        f"{option.footprint_bytes} B",
        types,
        "; ".join(costs),
    ]


def _placement(plan: Plan) -> list[str]:
    """A line per unit that has work, in the target's order: its tasks in the order they were placed."""
    tasks: dict[str, list[str]] = {unit: [] for unit in plan.target.unit}
    for place in plan.placement or ():
        copies = f" x{place.replicas}" if place.replicas > 1 else ""
        source = f" <- {place.weights}" if place.weights else ""
        tiles = f" in {place.tiles} tiles" if place.tiles else ""
        tasks.setdefault(place.unit, []).append(f"{place.task}{source}{copies}{tiles}")
    return [f"{unit}: {', '.join(names)}" for unit, names in tasks.items() if names]


def _slot(slot: Slot) -> list[str]:
    return [f"{_time(slot.start)} .. {_time(slot.end)}", slot.where, slot.what]


def _time(ticks: int) -> str:
    return f"{ticks * 1e6 / TICKS_PER_SECOND:.6f} us"


def _energy(pj: int) -> str:
    return f"{pj / 1e6:.6g} uJ"


def _table(rows: Iterable[list[str]]) -> list[str]:
    """Rows as lines with aligned columns."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
