"""A difference as plain data: what `mapper diff --json` prints."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

from mapper.report.diff.causes import Row
from mapper.report.diff.decompose import Decomposition, Pairs
from mapper.report.diff.difference import Difference
from mapper.report.diff.moves import Move, Spot
from mapper.report.diff.one_op import OpRow, Run, op_rows, shares_of
from mapper.report.diff.totals import Total
from mapper.report.diff.words import sentence, share, standing, told

SCHEMA = 1


def difference_data(found: Difference, broken: Sequence[str] = (), wanted: str | None = None) -> dict[str, Any]:
    """All that is known, ready for JSON; None for figures that a plan does not have. broken: conditions that fail;
    wanted: the name of ops to tell of one by one.

    Amounts of decompositions are whole numbers in their `unit` (ticks, pJ, pJ x tick / 2) of `per` requests, or tokens:
    the changes of the rows add up to `after - before`."""
    plans = (found.before.plan, found.after.plan)
    return {
        "schema": SCHEMA,
        "before": {"model": plans[0].graph.name, "target": plans[0].target.name, "objective": str(plans[0].objective)},
        "after": {"model": plans[1].graph.name, "target": plans[1].target.name, "objective": str(plans[1].objective)},
        "same": found.same,
        "summary": [*([] if found.same else [sentence(found.objective)]), *standing(found)],
        "failed": list(broken),
        "decisions": list(found.decisions),
        "renamed_units": [{"before": a, "after": b} for a, b in found.renamed],
        "paired_by_class": found.pairing.by_class,
        "phases": [{"before": a or None, "after": b or None} for a, b in found.pairing.phases],
        "inputs": [
            {"name": x.name, "of": list(x.where), "before": x.before or None, "after": x.after or None}
            for x in found.inputs
        ],
        "totals": {t.name: total_data(t) for t in found.totals},
        "busiest": {
            when: {"resource": v.steady.busiest or None, "utilisation": v.steady.utilisation}
            for when, v in (("before", found.before), ("after", found.after))
        },
        "parts": {t.name: total_data(t) for t in found.parts},
        "moved": [_move(move) for move in found.moved],
        "alone": [{"op": x.what, "before": list(x.before), "after": list(x.after)} for x in found.alone],
        "why": {d.total: decomposition_data(d) for d in found.decompositions},
        **({"ops": _ops(found, wanted)} if wanted is not None else {}),
    }


def total_data(total: Total) -> dict[str, Any]:
    """A figure before and after; relative is None where it grew from nothing."""
    relative = total.relative
    return {
        "unit": total.unit or None,
        "before": total.before,
        "after": total.after,
        "difference": total.difference,
        "relative": relative if relative is not None and isfinite(relative) else None,
        "better": total.better,
        "inside_bands": total.inside_bands,
    }


_UNITS = {"s": "tick", "J": "pJ", "J s": "pJ tick / 2"}


def decomposition_data(found: Decomposition) -> dict[str, Any]:
    """A change in parts: in words, by row, and in sums by cause, op and place."""
    return {
        "unit": _UNITS[found.unit],
        "per": found.per,
        "before": found.before,
        "after": found.after,
        "change": found.delta,
        "limits": {"before": found.limits[0] or None, "after": found.limits[1] or None},
        "parts": [
            {"cause": p.cause.value, "text": p.text, "change": p.delta, "relative": share(found, p.delta)}
            for p in told(found)
        ],
        "rows": [_row(row) for row in found.rows],
        "by_cause": found.causes,
        "by_op": _pairs(found.ops),
        "by_place": _pairs(found.places),
        "rest": _pairs(found.rest),
        "by_source": _pairs(found.sources),
    }


def _pairs(pairs: Pairs) -> dict[str, Any]:
    return {name: {"before": was, "after": now, "change": now - was} for name, (was, now) in pairs.items()}


def _row(row: Row) -> dict[str, Any]:
    return {
        "cause": row.cause.value,
        "what": row.what,
        "kind": row.kind or None,
        "phase": row.phase or None,
        "blocks": list(row.blocks),
        "count": row.count,
        "back": row.back,
        "from": row.source or None,
        "to": row.place or None,
        "limited_by": {"before": row.limited[0] or None, "after": row.limited[1] or None},
        "before": row.before,
        "after": row.after,
        "change": row.delta,
    }


def _spot(spot: Spot) -> dict[str, Any]:
    return {
        "unit": spot.unit,
        "unit_kind": spot.kind,
        "weights": spot.weights or None,
        "copies": spot.copies,
        "shard": spot.shard or None,
        "tiles": spot.tiles,
        "types": list(spot.types),
    }


def _move(move: Move) -> dict[str, Any]:
    return {
        "op": move.what,
        "kind": move.kind,
        "phase": move.phase,
        "clusters": list(move.clusters),
        "blocks": list(move.blocks),
        "changed": list(move.changed),
        "exchanged": move.exchanged,
        "before": {**_spot(move.before), "ticks": move.ticks[0]},
        "after": {**_spot(move.after), "ticks": move.ticks[1]},
    }


def _ops(found: Difference, wanted: str) -> dict[str, Any]:
    rows: tuple[OpRow, ...] = op_rows(found, wanted)
    return {
        "rows": [
            {"op": row.what, "phase": row.phase, "before": _run(row.before), "after": _run(row.after)} for row in rows
        ],
        "changes": shares_of(found, rows),
    }


def _run(run: Run | None) -> dict[str, Any] | None:
    if run is None:
        return None
    return {
        "cluster": run.cluster,
        **_spot(run.spot),
        "time_s": run.time_s,
        "energy_pj": run.energy_pj,
        "limited_by": run.limited_by,
    }
