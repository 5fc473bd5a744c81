"""A difference as a page: the answer, the figures, where each change comes from as a waterfall, and what moved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mapper.hw.work import TICKS_PER_SECOND
from mapper.report.diff.conditions import change_words, shown
from mapper.report.diff.decompose import Decomposition
from mapper.report.diff.difference import Difference
from mapper.report.diff.moves import Move
from mapper.report.diff.places import spans
from mapper.report.diff.screen import SMALL, way
from mapper.report.diff.totals import Total
from mapper.report.diff.words import alone_lines, sentence, share, standing, told
from mapper.report.page.shell import Section, micro, page

_BARS = 12
"""Parts of a waterfall that have a bar of their own."""


def diff_page(found: Difference, broken: Sequence[str] = ()) -> str:
    """The page as HTML; equal differences give equal bytes."""
    plans = (found.before.plan, found.after.plan)
    names = list(dict.fromkeys(f"{plan.graph.name} on {plan.target.name}" for plan in plans))
    sections = [_answer(found, broken), _totals(found)]
    if not found.same:
        sections += [_why(found), _moved(found), _parts(found)]
    return page(f"What changed: {' → '.join(names)}", sections, "; ".join(standing(found)))


def _answer(found: Difference, broken: Sequence[str]) -> Section:
    return Section(
        "headline",
        "",
        {
            "sentence": "" if found.same else sentence(found.objective),
            "failed": list(broken),
            "cards": [_total(t) for t in found.totals if t.name in ("throughput", "latency", "energy", "power", "gap")],
            "inputs": [[x.title, micro(" → ".join(x.told))] for x in found.inputs],
            "alone": alone_lines(found),
        },
        script="diff-answer",
    )


def _total(total: Total) -> dict[str, Any]:
    good = (total.better * total.difference > 0) if total.better and total.difference else None
    return {
        "name": total.name,
        "before": micro(shown(total, total.before)),
        "after": micro(shown(total, total.after)),
        "change": change_words(total),
        "good": good,
        "inside": bool(total.inside_bands),
    }


def _totals(found: Difference) -> Section:
    rows = [_total(t) for t in found.totals]
    busiest = [v.steady.busiest or "nothing" for v in (found.before, found.after)]
    rows.append(
        {"name": "busiest", "before": busiest[0], "after": busiest[1], "change": "", "good": None, "inside": False}
    )
    return Section("totals", "Figures", {"rows": rows}, script="diff-totals")


def _why(found: Difference) -> Section:
    rows = [_waterfall(d) for d in found.decompositions if d.delta]
    lead = "Each bar is a part of the change, in per cent of the value before; the parts add up to it exactly."
    return Section("why", "Why", {"totals": rows}, lead, script="diff-why")


def _waterfall(found: Decomposition) -> dict[str, Any]:
    parts = told(found)
    bars = [p for p in parts if abs(share(found, p.delta)) >= SMALL][:_BARS] or list(parts[:1])
    rest = parts[len(bars) :]
    shares = [{"text": p.text, "cause": p.cause.value, "share": share(found, p.delta)} for p in bars]
    if rest:
        delta = sum(p.delta for p in rest)
        shares.append(
            {
                "text": f"{len(rest)} smaller part{'s' if len(rest) > 1 else ''}",
                "cause": "",
                "share": share(found, delta),
            }
        )
    return {
        "name": "throughput: interval between requests" if found.total == "throughput" else found.total,
        "unit": found.unit,
        "before": found.si(found.before),
        "after": found.si(found.after),
        "sentence": sentence(found),
        "bars": shares,
        "parts": [
            {
                "text": p.text,
                "cause": p.cause.value,
                "share": share(found, p.delta),
                "amount": found.si(p.delta),
                "rows": [
                    [_row_words(r.phase, r.source, r.place, r.limited), found.si(r.before), found.si(r.after)]
                    for r in p.rows
                ],
            }
            for p in parts
        ],
    }


def _row_words(phase: str, source: str, place: str, limited: tuple[str, str]) -> str:
    where = place if source == place else f"{source or 'nowhere'} → {place or 'nowhere'}"
    limits = " → ".join(dict.fromkeys(filter(None, limited)))
    return f"{f'{phase}: ' if phase else ''}{where}{f' ({limits})' if limits else ''}"


def _moved(found: Difference) -> Section:
    lead = "Time is that of all of them in a request. Units have the names of the plan after."
    return Section("moved", "What moved", {"rows": [_move(m) for m in found.moved]}, lead, script="diff-moved")


def _move(move: Move) -> dict[str, Any]:
    return {
        "op": move.what,
        "kind": move.kind,
        "count": len(move.clusters),
        "blocks": spans(move.blocks),
        "phase": move.phase,
        "from": move.source,
        "to": move.after.unit,
        "how": way(move),
        "before": move.ticks[0] / TICKS_PER_SECOND,
        "after": move.ticks[1] / TICKS_PER_SECOND,
        "exchanged": move.exchanged,
        "clusters": list(move.clusters),
    }


def _parts(found: Difference) -> Section:
    before = {b: a for a, b in found.pairing.machines.units.items()}
    units, others = [], []
    for name in dict.fromkeys(t.name.rpartition(".")[0] for t in found.parts):
        word, _, part = name.partition(".")
        if word == "unit":
            busy, energy = found.figure[f"{name}.busy"], found.figure[f"{name}.energy"]
            units.append(
                {
                    "name": part if before.get(part, part) == part else f"{before[part]} → {part}",
                    "before": busy.before,
                    "after": busy.after,
                    "energy_before": energy.before,
                    "energy_after": energy.after,
                }
            )
    for total in found.parts:
        if not total.name.startswith("unit.") and total.before != total.after:
            relative = total.relative if total.relative is not None else 0.0
            others.append({**_total(total), "relative": relative})
    return Section("parts", "Units, memories and links", {"units": units, "others": others}, script="diff-parts")
