"""What activities wait for, without what follows from the rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mapper.cost.program import Program
from mapper.cost.replay import Call


def needed(program: Program, call: Call, *orders: Sequence[Iterable[int]]) -> tuple[tuple[int, ...], ...]:
    """For each activity, what it waits for under the orders and does not come before something else that it waits for,
    under the orders or as an operand.

    The transitive reduction (Aho, Garey, Ullman 1972) of what the orders add, over bit sets: it changes no moment of
    any execution, and a machine that counts what an activity waits for is quicker by the edges that are left out.
    """
    starts, ends = call.starts, call.ends
    order = sorted(range(len(program.activities)), key=lambda i: (starts[i], ends[i], i))
    rank = {i: k for k, i in enumerate(order)}
    before = [0] * len(order)  # bit sets of all that comes before an activity and itself, by index
    found: list[tuple[int, ...]] = [()] * len(order)
    for i in order:
        operands = program.activities[i].after
        covered = 1 << i
        for j in operands:
            covered |= before[j]
        kept = []
        wanted = {j for rows in orders for j in rows[i]} - {i, *operands}
        for j in sorted(wanted, key=rank.__getitem__, reverse=True):  # the latest implies most
            if not covered >> j & 1:
                kept.append(j)
                covered |= before[j] | 1 << j
        before[i] = covered
        found[i] = tuple(sorted(kept))
    return tuple(found)
