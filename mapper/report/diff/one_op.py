"""What differs of a single op: where and how it runs in each phase, and its part in the change of each total."""

from __future__ import annotations

from dataclasses import dataclass

from mapper.errors import MapperError, did_you_mean
from mapper.hw.work import TICKS_PER_SECOND, Cost
from mapper.report.diff.difference import Difference
from mapper.report.diff.doings import Side
from mapper.report.diff.moves import Spot, spot_of


@dataclass(frozen=True, slots=True)
class Run:
    """How a task runs in one of the plans; energy inside the unit, of one call."""

    cluster: str
    spot: Spot
    time_s: float
    energy_pj: int
    limited_by: str


@dataclass(frozen=True, slots=True)
class OpRow:
    """A cluster in one phase before and after; None where a plan does not run it. what: its label."""

    what: str
    phase: str
    before: Run | None
    after: Run | None


def op_rows(found: Difference, wanted: str) -> tuple[OpRow, ...]:
    """The clusters of either plan whose name, label or ops contain `wanted`, in each phase. Raises MapperError where
    none does."""
    first, second = found.sides
    rows: dict[tuple[int, str], OpRow] = {}
    for side in (second, first):
        group = found.pairing.of_before if side is first else found.pairing.of_after
        for task in side.plan.tasks or ():
            cluster = side.plan.cluster[task.cluster]
            if wanted in cluster.name or wanted in side.names[cluster.name].label or wanted in cluster.ops:
                key = (group[cluster.name], side.phase(task.phase))
                row = rows.get(key, OpRow(side.names[cluster.name].label, key[1], None, None))
                run = _run(side, task.name)
                rows[key] = (
                    OpRow(row.what, row.phase, run, row.after) if side is first
                    else OpRow(row.what, row.phase, row.before, run)
                )  # fmt: skip
    if not rows:
        names = [c.name for side in found.sides for c in side.plan.clusters or ()]
        raise MapperError(f"no op '{wanted}' in either plan; {did_you_mean(wanted, names[:400])}")
    return tuple(rows[key] for key in sorted(rows))


def _run(side: Side, task: str) -> Run:
    cost: Cost = side.plan.chosen(task).cost(side.plan.task[task].phase)
    spot = spot_of(side, task)
    return Run(side.plan.task[task].cluster, spot, cost.ticks / TICKS_PER_SECOND, cost.total_pj, cost.limited_by)


def shares_of(found: Difference, rows: tuple[OpRow, ...]) -> dict[str, dict[str, int]]:
    """The change of each total that ops of these labels make, with the transfers of what they leave, by label: in the
    amounts of the decomposition."""
    labels = dict.fromkeys(row.what for row in rows)
    return {
        d.total: {label: d.ops[label][1] - d.ops[label][0] for label in labels if label in d.ops}
        for d in found.decompositions
    }
