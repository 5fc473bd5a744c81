"""Answers and the tornado table as data, for `--json` and pages."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from mapper.whatif.answers import Answer, Asker
from mapper.whatif.learning import FACTOR
from mapper.whatif.tornado import Row, Tornado

SCHEMA = 1


def tornado_data(found: Tornado) -> dict[str, Any]:
    """Every row, those with the largest effect first. Seconds, joules, watts, requests per second. gain:
    how much better the objective becomes, null where there is no plan. refused:
    the figure takes no such value. shadow_price: by how many percent the bound
    falls for one percent."""
    return {**_head(found.asker), "factor": FACTOR, "complete": found.complete, "rows": [_row(r) for r in found.rows]}


def answer_data(asker: Asker, answer: Answer) -> dict[str, Any]:
    """A single answer."""
    return {**_head(asker), **_answer(answer)}


def _head(asker: Asker) -> dict[str, Any]:
    plan = asker.plan
    return {
        "schema": SCHEMA,
        "model": plan.graph.name,
        "target": plan.target.name,
        "objective": plan.objective.value,
        "before": asdict(asker.before),
    }


def _row(row: Row) -> dict[str, Any]:
    p = row.parameter
    return {
        "parameter": p.name,
        "value": p.value,
        "unit": p.unit_of_measure,
        "parts": list(p.parts),
        "effect": row.effect,
        "felt": row.felt,
        "shadow_price": None
        if row.price is None
        else {"percent": row.price.percent, "change": str(row.price.change), "bound": row.price.known},
        "less": None if row.less is None else _answer(row.less),
        "more": None if row.more is None else _answer(row.more),
    }


def _answer(answer: Answer) -> dict[str, Any]:
    return {
        "changes": [str(c) for c in answer.changes],
        "precision": answer.precision.value if answer.precision else None,
        "after": None if answer.after is None else asdict(answer.after),
        "gain": None if answer.after is None else answer.gain,
        "bound": answer.bound,
        "gap": answer.gap,
        "found": answer.found,
        "refusal": answer.refusal,
        "refused": answer.is_refused,
    }
