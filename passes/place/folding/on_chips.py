"""On chips: the pooled problem without the few units beside the many, such as the hosts of a rack of accelerators."""

from __future__ import annotations

from mapper.hw.target import Target
from mapper.ir.plan import Plan
from passes.place.folding.decode import members
from passes.place.folding.uncrowded import restricted
from passes.place.translate import Translation


def on_chips(plan: Plan, t: Translation) -> Translation | None:
    """The translation, of a plan on a pooled target, with options on the most numerous units only; None where that
    leaves out nothing, or some task all options.

    What hosts take over is little beside what many chips do, and the bound has it. But each value that goes to a host
    and back is brought, cast and waited for, in stages that the pool does not see: plans without may be quicker. A
    restriction: what is proven of it says nothing of the pool.
    """
    chips = _chips(plan.target)
    kept = [[o for o, (unit, _) in enumerate(meaning) if unit in chips] for meaning in t.meaning]
    if not all(kept) or all(len(few) == len(every) for few, every in zip(kept, t.meaning, strict=True)):
        return None
    return restricted(t, kept)


def _chips(target: Target) -> frozenset[str]:
    """The units that stand for the most units of the machine."""
    many = {unit.name: len(members(unit)) for unit in target.units}
    return frozenset(name for name, n in many.items() if n == max(many.values()))
