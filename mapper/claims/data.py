"""Checked claims as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from mapper.claims.verdict import Checked, Said, Verdict

SCHEMA = 1


def data(name: str, done: Sequence[Checked]) -> dict[str, Any]:
    """The content of claims.json: nothing in it depends on clocks or on what was known before."""
    counts = {said.value: sum(c.said is said for c in done) for said in Said}
    return {"schema": SCHEMA, "name": name, "counts": counts, "claims": [_claim(c) for c in done]}


def _claim(c: Checked) -> dict[str, Any]:
    return {
        "id": c.claim.id,
        "claim": c.claim.claim,
        "quote": c.claim.quote,
        "source": c.claim.source,
        "check": c.claim.kind,
        "verdict": c.said.value,
        "why_not": c.why_not,
        "next": c.hint,
        "figures": [_verdict(v) for v in c.verdicts],
        "steps": list(c.found.steps),
        "tables": [asdict(table) for table in c.found.tables],
        "rests_on": list(c.found.rests_on),
        "beyond": c.claim.beyond,
    }


def _verdict(v: Verdict) -> dict[str, Any]:
    published = v.published.model_dump(exclude_none=True) if v.published else None
    return {
        "figure": v.figure,
        "unit": v.unit,
        "verdict": v.said.value,
        "words": v.words,
        "found": asdict(v.found) if v.found else None,
        "published": published,
        "off": v.off if v.off != float("inf") else None,
        "because": v.because,
    }
