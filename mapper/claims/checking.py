"""Checks claims, one after the other; what one of them comes to grief over, no other notices."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mapper.claims.bench import Bench, Unanswered
from mapper.claims.claim import Claim
from mapper.claims.read import Claims
from mapper.claims.verdict import Checked, checked, unchecked
from mapper.errors import MapperError

Tell = Callable[[Checked], None]


def check_claims(claims: Claims, chosen: Sequence[Claim], bench: Bench, tell: Tell) -> tuple[Checked, ...]:
    """All claims with their verdicts, each told when it is known. A claim whose check cannot be answered says why."""
    done = []
    for claim in chosen:
        done.append(_checked(claims, claim, bench))
        tell(done[-1])
    return tuple(done)


def _checked(claims: Claims, claim: Claim, bench: Bench) -> Checked:
    check = claims.checks[claim.id]
    try:
        return checked(claim, check.units, check.run(bench, claim.published))
    except Unanswered as problem:
        return unchecked(claim, check.units, problem.why, problem.hint)
    except MapperError as problem:
        return unchecked(claim, check.units, problem.message, problem.hint)
