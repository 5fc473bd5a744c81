"""Algorithms of collectives as rounds of flows between ranks (Thakur et al., IJHPCA 2005)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

Flow = tuple[int, int, float]
"""Rank that sends, rank that receives, bytes (or the part of the tensor)."""
Round = list[Flow]
"""Flows that run at the same time; the next round starts when the last of them has arrived."""
MOST_DIRECT = 256
"""Among more ranks nobody exchanges with everybody at once: a unit has no room for as many messages."""
Step = tuple[int, str, partial[Round]]
"""So many equal rounds one after the other, the name that such rounds have among so many ranks, and what makes one."""


def algorithms(kind: str, g: int) -> Iterator[tuple[str, list[Step]]]:
    """Every known algorithm for the collective among g ranks; flows in parts of a tensor of size 1. Where everybody
    would send to more than `MOST_DIRECT` others that is left out, unless the ranks cannot be divided in blocks."""
    for name, steps in _algorithms(kind, g):
        everybody = sum(n for n, _, make in steps if make.func in (direct_round, shift_round))
        if g <= MOST_DIRECT or not everybody or not any(g % d == 0 for d in range(2, g)):
            yield name, steps


def _algorithms(kind: str, g: int) -> Iterator[tuple[str, list[Step]]]:
    ring: Step = (g - 1, "ring", partial(ring_round, g, 1 / g))
    both: Step = (g - 1, "both", partial(two_way_round, g, 1 / g))
    direct: Step = (1, "direct", partial(direct_round, g, 1 / g))
    up, down = _tree(g, "up"), _tree(g, "down")
    match kind:
        case "all_reduce":
            yield from (("ring", [ring, ring]), ("two-way ring", [both, both]), ("direct", [direct, direct]))
            yield "tree", _backwards(down) + down
        case "all_gather":
            yield from (("ring", [ring]), ("two-way ring", [both]), ("direct", [direct]), ("tree", up + down))
        case "reduce_scatter":
            yield from (("ring", [ring]), ("two-way ring", [both]), ("direct", [direct]))
            yield "tree", _backwards(down) + _backwards(up)
        case "all_to_all":
            yield "ring", [(1, f"shift {step}", partial(shift_round, g, step, 1 / g)) for step in range(1, g)]
            yield "direct", [direct]
        case "broadcast":
            yield "ring", [*_backwards(up), ring]
            yield "direct", [(1, "out", partial(out_round, g, 1.0))]
            yield "tree", down
        case "custom_all_reduce":
            yield "one-shot", [(1, "one-shot", partial(direct_round, g, 1.0))]
            yield "two-shot", [direct, direct]
        case "send_recv":
            yield "direct", [(1, "pair", partial(_listed, ((0, 1, 1.0),)))]


def ring_round(g: int, part: float) -> Round:
    """Each rank hands one part to the next; g - 1 such rounds bring each part around."""
    return [(i, (i + 1) % g, part) for i in range(g)]


def two_way_round(g: int, part: float) -> Round:
    """Each rank hands half a part to the next and half a part to the one before: links carry both at once."""
    return ring_round(g, part / 2) + [(i, (i - 1) % g, part / 2) for i in range(g)]


def shift_round(g: int, step: int, part: float) -> Round:
    """Each rank sends a part to the one so many steps ahead."""
    return [(i, (i + step) % g, part) for i in range(g)]


def direct_round(g: int, part: float) -> Round:
    """Each rank sends every other one its part."""
    return [(i, j, part) for i in range(g) for j in range(g) if i != j]


def out_round(g: int, size: float) -> Round:
    """The first rank sends the tensor to every other one."""
    return [(0, i, size) for i in range(1, g)]


def spread_rounds(g: int, size: float) -> list[Round]:
    """Binomial tree from rank 0: the ranks that have the tensor double in every round."""
    return [[(i, i + step, size) for i in range(step) if i + step < g] for step in _powers(g)]


def gather_rounds(g: int, part: float) -> list[Round]:
    """Binomial tree to rank 0: each round hands on what a subtree has collected."""
    return [
        [(i + step, i, part * min(step, g - i - step)) for i in range(0, g - step, 2 * step)] for step in _powers(g)
    ]


def _tree(g: int, way: str) -> list[Step]:
    rounds = gather_rounds(g, 1 / g) if way == "up" else spread_rounds(g, 1.0)
    return [(1, f"{way} {i}", partial(_listed, tuple(flows))) for i, flows in enumerate(rounds)]


def _backwards(steps: list[Step]) -> list[Step]:
    """The steps in reverse, every flow the other way."""
    return [(n, f"{name} back", partial(_turned, make)) for n, name, make in reversed(steps)]


def _turned(make: partial[Round]) -> Round:
    return [(b, a, size) for a, b, size in make()]


def _listed(flows: tuple[Flow, ...]) -> Round:
    return list(flows)


def _powers(g: int) -> list[int]:
    return [1 << k for k in range((g - 1).bit_length())]
