"""The pooled target: every place has one link, as wide as all its links together, to one router."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mapper.hw.target import Link, Target
from mapper.hw.teams.fold import Group, Seating

ROUTER = "anywhere"
FREE_BYTES_PER_S = 1e18
"""Bandwidth between units that share a memory, where a link stands for no wire."""


def starred(target: Target, pool: Target, groups: Sequence[Group]) -> Target:
    """`pool` (the folded `target`) with a star in place of its links.

    What leaves a place on any route leaves by one of its links, and what arrives somewhere arrives by one; so the links
    of a place, added up over all that the pool stands for, bound what it can send whatever the route. Latency and
    energy of a route are at least those of the least of the first place's links, and of the last one's: half of each
    is the price of the star's two. Units that share a memory are one place."""
    seating = Seating(groups)
    cells = _cells(pool)
    original = _cells(target)
    links: list[Link] = []
    for lead in dict.fromkeys(cells.values()):
        members = {unit for unit in original if seating.name(unit) in cells and cells[seating.name(unit)] == lead}
        out = [k for k in target.links if _leaves(k, members, original)]
        links += [_port(lead, out)] if out else []
        links += [Link(f"free.{lead}-{unit}", "free", lead, unit, FREE_BYTES_PER_S, 0.0, 0.0)
                  for unit, at in cells.items() if at == lead != unit]  # fmt: skip
    idle = sum(link.idle_power_w for link in target.links)
    return replace(pool, links=tuple(links), routers=(ROUTER,), rest_power_w=target.rest_power_w + idle)


def _cells(target: Target) -> dict[str, str]:
    """For each unit the first of those that it shares memories with, over any number of memories."""
    lead = {unit.name: unit.name for unit in target.units}
    for memory in target.memories:
        joined = {lead[unit] for unit in memory.serves}
        if len(joined) > 1:
            first = next(name for name in lead if name in joined)
            lead = {unit: first if at in joined else at for unit, at in lead.items()}
    return lead


def _leaves(link: Link, members: set[str], cells: dict[str, str]) -> bool:
    """Whether the link joins one of the members to something outside its cell."""
    return (link.a in members or link.b in members) and cells.get(link.a, link.a) != cells.get(link.b, link.b)


def _port(lead: str, links: Sequence[Link]) -> Link:
    least = min(links, key=lambda link: link.latency_s).latency_s
    energy = min(link.energy_pj_per_bit for link in links)
    width = sum(link.bandwidth_bytes_per_s for link in links)
    return Link(f"links of {lead}", "links", lead, ROUTER, width, least / 2, energy / 2)
