"""Attribution: which op, unit and cause a change of a metric comes from, read from the plans before and after."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mapper.errors import MapperError
from mapper.regress.said import Change, Said
from mapper.regress.verdicts import Verdict

TOTALS = {"throughput_per_s": "throughput", "tokens_per_s": "throughput", "latency_s": "latency", "ttft_s": "ttft",
          "tpot_s": "tpot", "energy_j": "energy", "energy_per_token_j": "energy"}  # fmt: skip
"""By metric, the total of a difference that it is."""

ATTRIBUTED = (Said.WORSE, Said.BETTER, Said.GAP_WORSE)
"""Verdicts that a plan's difference explains."""


def why(found: Verdict, plans: Path) -> tuple[str, ...]:
    """A sentence for each total that moved, the objective's own first: the causes of its change and their parts. Where
    one of the plans is no longer kept, that is said; nothing where no total moved."""
    wanted = list(dict.fromkeys(TOTALS[c.metric] for c in found.changes if _explained(c)))
    if not wanted or found.before is None or found.after is None or not found.after.plan:
        return ()
    if found.before.plan == found.after.plan:
        return ("the plan is the same: what it costs is told by other models or figures",)
    if found.before.key == found.after.key:
        return ("the same question has another answer now; the plan before is no longer kept",)
    from mapper.cost.recorded import recorded
    from mapper.ir.serial import load
    from mapper.report.diff.difference import difference
    from mapper.report.diff.words import sentence

    files = [plans / record.key / "plan.json" for record in (found.before, found.after)]
    gone = [f"the plan {word} is not kept ({file})" for word, file in zip(("before", "now"), files, strict=True)
            if not file.is_file()]  # fmt: skip
    if gone:
        return tuple(gone)
    try:
        before, after = (recorded(load(file)) for file in files)
        parts = difference(before, after).decompositions
    except MapperError as error:
        return (f"the plans cannot be compared: {error.message}",)
    return tuple(sentence(part) for part in parts if part.total in wanted and part.delta)


def _explained(change: Change) -> bool:
    return change.metric in TOTALS and change.said in ATTRIBUTED


def moved(found: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts that somebody may want explained, the worst first."""
    order = list(Said)
    some = [v for v in found if v.said in ATTRIBUTED]
    return sorted(some, key=lambda v: (order.index(v.said), -max((abs(c.change or 0.0) for c in v.changes), default=0)))
