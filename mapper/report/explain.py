"""The explanation of a plan: the bottleneck chain, the bound, why each class of ops is where it is, every fallback."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from textwrap import wrap
from typing import Any

from mapper.cost.judge import Verdict
from mapper.cost.program import Spelling
from mapper.hw.work import PJ_PER_J
from mapper.ir.plan import Bound, Objective, Plan
from mapper.report.bands import Bands, bands
from mapper.report.bound_lines import bound_lines, headline
from mapper.report.chain import chain
from mapper.report.limit_lines import idle_lines, idle_parts, limit_lines
from mapper.report.limits import largest_costs
from mapper.report.moves import Move, Moves
from mapper.report.reason_lines import by_time, reason_lines
from mapper.report.reasons import Alternative, Reason, open_decisions, reasons
from mapper.report.remedies import remedy
from mapper.report.stretches import stretches
from mapper.report.summary import band_data, fallbacks, value_and_bound
from mapper.report.units import listed, percent, shorten, si


@dataclass(frozen=True)
class Explanation:
    """The same explanation as text and as data, each made when it is first asked for."""

    verdict: Verdict
    op: str | None
    proof: Bound | None
    rows: tuple[Reason, ...]
    spelling: Spelling | None = None

    @cached_property
    def text(self) -> str:
        """Blocks of lines, at most 118 columns wide."""
        lines = [_MEANING, *reason_lines(self.verdict.plan, self.rows, self._move, every=self.op is not None)]
        if self.op is not None:
            return "\n".join(lines)
        blocks = [*_blocks(self.verdict, self.rows, self.proof), ["why each op is where it is", *lines]]
        blocks.append([f"fallbacks: {len(self._fell)}", *_grouped(self._fell)])
        return "\n\n".join("\n".join(map(str.rstrip, block)) for block in blocks)

    @cached_property
    def data(self) -> dict[str, Any]:
        """JSON data; with an op only its rows."""
        ops = [self._with_moves(row) for row in self.rows]
        if self.op is not None:
            return {"ops": ops}
        fell = [{**row, **({"remedy": words} if (words := remedy(row["reason"])) else {})} for row in self._fell]
        found = _data(self.verdict)
        rests = dict(self.proof.rests_on) if self.proof else None
        return {**found, "ops": ops, "fallbacks": fell, "rests_on": rests}

    @cached_property
    def _fell(self) -> list[dict[str, str]]:
        return [{"op": name, "wanted": kind, "reason": why} for name, kind, why in fallbacks(self.verdict.plan)]

    @cached_property
    def _moves(self) -> Moves:
        return Moves(self.verdict, self.spelling)

    @cached_property
    def _known(self) -> dict[tuple[int, str], Move]:
        return {}

    def _move(self, row: Reason, other: Alternative) -> Move:
        """What would become of the plan if the tasks of a row ran on another kind of unit."""
        key = (id(row), other.unit_kind)
        if key not in self._known:
            self._known[key] = self._moves.to(row.tasks, other.option)
        return self._known[key]

    def _with_moves(self, row: Reason) -> dict[str, Any]:
        others = [{**a.data(), "moved_there": self._move(row, a).data()} for a in row.alternatives]
        return {**row.data(), "alternatives": others}


def explain(
    verdict: Verdict, op: str | None = None, proof: Bound | None = None, spelling: Spelling | None = None
) -> Explanation:
    """Why the plan is as it is; with `op`, only why the clusters whose name contains it are where they are. Raises
    MapperError where there is no such op.

    proof: the bound with what it rests on, if it was proved again. spelling: that of the plan, where there is one.
    """
    return Explanation(verdict, op, proof, tuple(reasons(verdict.plan, op)), spelling)


def _data(verdict: Verdict) -> dict[str, Any]:
    plan = verdict.plan
    value, bound, gap = value_and_bound(verdict)
    path = stretches(verdict)
    total, per_run = sum(s.ticks for s in path), plan.requests_per_run
    return {
        "objective": plan.objective.value,
        "value": value,
        "bound": bound,
        "bound_name": plan.bounds[0].name if plan.bounds else None,
        "gap": gap,
        "busiest": verdict.steady.busiest,
        "busiest_utilisation": verdict.steady.utilisation,
        "limits": [{"what": s.what, "part": s.part} for s in largest_costs(verdict, 6)],
        "chain": [limit.data() for limit in chain(verdict)],
        "critical_path": [s.data(total) for s in path],
        "bands": band_data(bands(verdict), per_run),
        "energy_j": {cause: pj / PJ_PER_J / per_run for cause, pj in verdict.energy_by_cause.items()},
        "idle_w": dict(idle_parts(verdict)),
        "bounds": [{"objective": b.objective, "value": b.value, "name": b.name} for b in plan.bounds or ()],
    }


def _blocks(verdict: Verdict, rows: Sequence[Reason], proof: Bound | None) -> list[list[str]]:
    """All but why ops are where they are."""
    plan, found = verdict.plan, bands(verdict)
    bound = [f"  {line}" for line in bound_lines(verdict)]
    gap = _gap_lines(found, plan.objective, value_and_bound(verdict)[2])
    told = plan.objective in (Objective.ENERGY, Objective.EDP)  # where the energy goes is then what limits it
    return [
        [headline(verdict), "what limits it", *limit_lines(verdict, chain(verdict), stretches(verdict))],
        ["how far from the best", *bound, *_rests_lines(proof)],
        ["how sure the figures are", *_band_lines(plan, found, rows), *gap],
        *([] if told else [[f"where the energy goes (± {percent(found.energy.relative)})", *idle_lines(verdict)]]),
    ]


_MEANING = (
    "  (equal ops together; of other kinds of units the time and the energy by themselves, ? where the error bands\n"
    "   leave open which is better; behind |: the plan if all of them moved there and the rest stayed: requests/s by\n"
    "   the loads of the busiest, latency if each is waited for, energy)"
)


def _rests_lines(proof: Bound | None) -> list[str]:
    """The resources that the bound rests on: by how many percent it falls for each percent more of them."""
    if proof is None:
        return []
    if not proof.rests_on:
        return [f"  what it rests on is not known of {proof.name}"]
    rows = sorted(proof.rests_on, key=lambda r: (-r[1], r[0]))
    lines = ["  it rests on (percent that the bound falls for each percent more of it):"]
    lines += [f"    {shorten(name, 60):<60} {price:>7.3f}" for name, price in rows[:8]]
    return lines


def _band_lines(plan: Plan, found: Bands, rows: Sequence[Reason]) -> list[str]:
    """Where each total may lie, how much of it no measurement stands behind, and which decisions that leaves open."""
    n = plan.requests_per_run
    totals = (
        ("requests/s", found.throughput, "", n),
        ("latency", found.latency, "s", 1),
        ("energy", found.energy, "J", 1 / n),
    )
    lines = [
        f"  {name:<12}{si(band.value * by, unit):>10}, from {si(band.low * by, unit)} to {si(band.high * by, unit)}"
        for name, band, unit, by in totals
    ]
    parts = ", ".join(f"{percent(band.unvalidated)} of {name}" for name, band, _, _ in totals)
    lines.append(f"  from models that were not compared with measurements: {parts}")
    by = "energy" if plan.objective is Objective.ENERGY else "time"
    lines.append(
        f"  {open_decisions(rows)} of {len(rows)} placements have an alternative whose {by} may be the smaller one"
    )
    unsure = [(r, part) for r, part in by_time(plan, rows) if any(a.inside_band for a in r.alternatives)]
    names = [
        f"{shorten(r.repeat, 36)} in {r.phase} ({percent(part)} of the time) on "
        f"{' or '.join([r.unit_kind, *(a.unit_kind for a in r.alternatives if a.inside_band)])}"
        for r, part in unsure[:3]
        if part >= 1e-3
    ]
    return lines + [f"    {shorten(words, 114)}" for words in names]


def _gap_lines(found: Bands, objective: Objective, gap: float | None) -> list[str]:
    """Whether a better plan or better models are what is worth looking for."""
    of = {Objective.THROUGHPUT: found.throughput, Objective.ENERGY: found.energy}
    if gap is None or objective is Objective.EDP:
        return []
    band = of.get(objective, found.latency).relative
    told = f"  the gap of {percent(gap)} is {'inside' if gap < band else 'wider than'} the band of {percent(band)}: "
    return [told + ("the models are less sure than that" if gap < band else "there is more to find or to prove")]


def _grouped(fell: list[dict[str, str]]) -> list[str]:
    groups: dict[tuple[str, str], list[str]] = {}
    for row in fell:
        groups.setdefault((row["wanted"], row["reason"]), []).append(row["op"])
    lines = []
    for (kind, why), ops in groups.items():
        words = remedy(why)
        lines += wrap(f"{len(ops)} not on {kind}: {why}", 116, initial_indent="  ", subsequent_indent="      ")
        lines += [f"      would take {words}"] if words else []
        lines.append(f"      {listed(ops, 110)}")
    return lines
