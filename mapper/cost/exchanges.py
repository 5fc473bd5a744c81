"""Exchanges of a rank graph: what one rank's part of a collective costs among the units of its group."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from statistics import fmean

from mapper.cost.shards.parts import Exchange
from mapper.errors import MapperError
from mapper.hw.collective import quickest
from mapper.hw.target import Target, Unit
from mapper.hw.work import TICKS_PER_SECOND, Cost, Work
from mapper.ir.exchange_kinds import EXCHANGE_KINDS
from mapper.ir.graph import Graph


def is_exchange(work: Work) -> bool:
    """Whether the work is done by a group of units together, of which the graph shows one."""
    return work.kind in EXCHANGE_KINDS


def ranks_of(graph: Graph) -> int:
    """How many ranks the graph is one of; 1 where it exchanges nothing."""
    sizes = [op.attr("ranks", 1) for op in graph.ops if op.kind in EXCHANGE_KINDS]
    return max((s for s in sizes if isinstance(s, int)), default=1)


def with_group(target: Target, graph: Graph) -> Target:
    """The target of one rank with the system that the group works on; the target itself where nothing is exchanged.

    Raises MapperError where there is no such system, where it has too few units, and where the target holds the units
    of several ranks, since the plan of one rank must not use those of the others.
    """
    ranks = ranks_of(graph)
    if ranks < 2:
        return target
    what = f"{graph.name} is one rank of {ranks}, all alike"
    crowd = next((k for k, names in _alike(target).items() if len(names) >= ranks), None)
    if crowd is not None:
        raise MapperError(
            f"{what}; {target.name} holds {len(_alike(target)[crowd])} {crowd}, the units of several ranks",
            hint="compile for the machine of one rank: a target whose `system:` is this one",
        )
    if not target.system and target.group is None:
        raise MapperError(
            f"{what}; {target.name} says nothing about a group: it has no `system:`",
            hint="name the target that several of it form, as a100-80 does with dgx-a100",
        )
    from mapper.hw.load import load_target  # all that reads target files, which few plans need

    system = target.group or load_target(target.system)
    own = {_part(u) for u in target.units}
    most = max((len(names) for kind, names in _alike(system).items() if kind in own), default=0)
    if most < ranks:
        raise MapperError(
            f"{what}; {system.name}, the system of {target.name}, has {most} units of a kind",
            hint="export the model for fewer ranks, or name a larger system",
        )
    return replace(target, group=system)


def why_no_exchange(target: Target, unit: Unit, work: Work) -> str | None:
    """Why the unit is in no group of so many ranks, or None."""
    if work.dim("ranks") < 2 or len(_peers(target, unit)) >= work.dim("ranks"):
        return None
    where = target.group.name if target.group else target.name
    return f"no group of {work.dim('ranks')} units like it: {where} has {len(_peers(target, unit))} {unit.kind}"


def exchange_cost(target: Target, unit: Unit, work: Work) -> Cost:
    """The time of the collective, and one rank's share of the energy that it takes on links and memories."""
    ranks = work.dim("ranks")
    system, names = target.group or target, _peers(target, unit)[:ranks]
    size = max((o.bytes for o in (*work.inputs[:1], *work.outputs[:1])), default=0)
    found = quickest(system, work.kind, names, size)
    pj = round(found.energy_pj / max(ranks, 1))
    return Cost(
        ticks=round(found.seconds * TICKS_PER_SECOND),
        energy_pj=((f"links of {system.name}", pj),) if pj else (),
        limited_by="links",
        band=found.band,
        validated=found.validated,
    )


@dataclass(frozen=True, slots=True)
class Among:
    """What an exchange among the ranks of a team takes, on the links of which system."""

    system: str
    seconds: float
    energy_pj: int
    band: float
    validated: bool


def among_ranks(target: Target, unit: Unit, kind: str, size_bytes: int, ranks: int = 0) -> Among:
    """The collective among the ranks of a team, or in groups of so many of them. Sets of ranks need not be linked
    alike: a request may be with the slowest copy, which is the time that counts; its energy is the mean of all. A pool
    stands for stages that may each be the best: there time and energy are the least of all sets."""
    assert target.group is not None
    assert unit.team is not None
    kept: dict[tuple[object, ...], Among] = target.__dict__.setdefault("_among_ranks", {})
    key = (unit.team, kind, size_bytes, ranks)
    if key not in kept:
        many, members = ranks or unit.ranks, unit.team.members
        groups = [members[i : i + many] for i in range(0, len(members), many)]
        all_ = [quickest(target.group, kind, group, size_bytes) for group in groups]
        pool = unit.team.pool > 1
        one = (min if pool else max)(all_, key=lambda found: found.seconds)
        pj = [found.energy_pj for found in all_]
        kept[key] = Among(
            target.group.name, one.seconds, min(pj) if pool else round(fmean(pj)), one.band, one.validated
        )
    return kept[key]


def inner_exchange(target: Target, unit: Unit, what: Exchange) -> Cost:
    """What a team exchanges in the middle of an op: the time of one group, the energy of all that exchange at once."""
    kept = unit.model.activation_dtype() if what.dtype is None else what.dtype
    size = kept.bytes_for(-(-what.elements // what.groups))
    found = among_ranks(target, unit, what.kind, size, what.ranks)
    pj = what.groups * found.energy_pj
    return Cost(
        ticks=round(found.seconds * TICKS_PER_SECOND),
        energy_pj=((f"links of {found.system}", pj),) if pj else (),
        limited_by="links",
        band=found.band,
        validated=found.validated,
    )


def _alike(target: Target) -> dict[str, list[str]]:
    """Names of units by the part that they are, whatever figures of it a target changed."""
    found: dict[str, list[str]] = {}
    for unit in target.units:
        found.setdefault(_part(unit), []).append(unit.name)
    return found


def _part(unit: Unit) -> str:
    """The file of the unit: kinds with figures of their own are `file@where` (mapper.hw.assemble), those changed by
    --set `kind+key=number` (mapper.hw.what_if)."""
    return re.split(r"[@+]", unit.kind, maxsplit=1)[0]


def _peers(target: Target, unit: Unit) -> list[str]:
    """The units of the group that are like this one."""
    return _alike(target.group or target).get(_part(unit), [])
