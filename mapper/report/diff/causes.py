"""Why an amount changed, one by one: work moved, runs another way, costs something else, is new or gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from mapper.report.diff.doings import Amounts, Doing, Side, Who


class Cause(StrEnum):
    """Why an amount is another one.

    moved: the work runs on another unit, or a transfer goes another way, came about or is not needed any more. changed:
    the same unit runs it in another way (copies, tiles, ranks, memory of the weights, number types, other clusters).
    repriced: all is as it was, and it costs something else. path: it is as it was, and the end of the request waits
    for it now, or does not any more. new, gone: only one of the plans has it. waiting: nothing that the total counts
    works. idle: power of what is switched on. limit: the resource that limits is another one.
    """

    MOVED = "moved"
    CHANGED = "changed"
    REPRICED = "repriced"
    PATH = "path"
    NEW = "new"
    GONE = "gone"
    WAITING = "waiting"
    IDLE = "idle"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True)
class Row:
    """What changed of a total for one cause: `count` activities alike, of these blocks, from before to after.

    what: the label of the ops, or the kind of the transfers; phase: '' where it is of no phase; source, place:
    where they run before and after, as the second plan calls it, '' where they do not (of transfers both the
    route); limited: what limits them there. back: so many more of the same ops went the other way; their blocks
    and amounts are counted in.
    """

    cause: Cause
    what: str
    kind: str
    phase: str
    source: str
    place: str
    limited: tuple[str, str]
    before: int
    after: int
    count: int = 1
    blocks: tuple[int, ...] = ()
    back: int = 0

    @property
    def delta(self) -> int:
        """What it adds to the total."""
        return self.after - self.before


def cause_of(who: Who, before: Doing | None, after: Doing | None, on_path: bool = False) -> Cause:
    """Why what one has of a total changed; of None the plan has nothing. on_path: whether only one of the totals counts
    it, though both plans do it."""
    if before is None or after is None:
        there = before or after
        is_transfer = who[0] != "task"
        if is_transfer and there is not None and there.is_shared:
            return Cause.MOVED
        return Cause.NEW if before is None else Cause.GONE
    if before.where != after.where:
        return Cause.MOVED
    if before.way != after.way:
        return Cause.CHANGED
    return Cause.PATH if on_path else Cause.REPRICED


def rows(first: Side, second: Side, before: Amounts, after: Amounts, *, is_path: bool = False) -> tuple[Row, ...]:
    """The rows of all who have some of a total before or after and not as much: alike ones in one row, largest change
    first. is_path: the total counts what is on a path, where others are not counted as they are."""
    found: dict[tuple[object, ...], list[tuple[Row, int]]] = {}
    for who in dict.fromkeys((*before, *after)):
        was, now = before.get(who, 0), after.get(who, 0)
        if was == now:
            continue
        a, b = first.doings.get(who), second.doings.get(who)
        there = b or a
        assert there is not None
        on_path = is_path and (who not in before or who not in after)
        cause = cause_of(who, a, b, on_path)
        row = _row(cause, who, a, b, was, now)
        key = (row.cause, row.what, row.kind, row.phase, row.source, row.place, row.limited)
        found.setdefault(key, []).append((row, there.block))
    return by_size(row for row in _netted(_summed(alike) for alike in found.values()) if row.delta)


def _row(cause: Cause, who: Who, a: Doing | None, b: Doing | None, was: int, now: int) -> Row:
    there = b or a
    assert there is not None
    if who[0] != "task":
        route = "; ".join(there.where)
        return Row(cause, f"{who[0]}s", there.kind, there.phase, route, route, ("", ""), was, now)
    source, place = ("; ".join(x.where) if x else "" for x in (a, b))
    limited = (a.limited_by if a else "", b.limited_by if b else "")
    return Row(cause, there.label, there.kind, there.phase, source, place, limited, was, now)


def _summed(alike: list[tuple[Row, int]]) -> Row:
    one = alike[0][0]
    blocks = tuple(sorted({block for _, block in alike if block >= 0}))
    was, now = sum(row.before for row, _ in alike), sum(row.after for row, _ in alike)
    return replace(one, before=was, after=now, count=len(alike), blocks=blocks)


def _netted(made: Iterable[Row]) -> Iterator[Row]:
    """The rows, of which those that tell of equal ops on opposite ways are one: the larger number leads."""
    left = {(r.cause, r.what, r.kind, r.phase, r.source, r.place, r.limited): r for r in made}
    for key, row in list(left.items()):
        other = (*key[:4], row.place, row.source, row.limited[::-1])
        if row.source == row.place or key not in left or other not in left:
            continue
        lead, tail = sorted((row, left[other]), key=lambda r: (-r.count, r.source, r.place))
        del left[key], left[other]
        left[lead.cause, lead.what, lead.kind, lead.phase, lead.source, lead.place, lead.limited] = replace(
            lead,
            before=lead.before + tail.before,
            after=lead.after + tail.after,
            blocks=tuple(sorted({*lead.blocks, *tail.blocks})),
            back=tail.count,
        )
    yield from left.values()


def by_size(made: Iterable[Row]) -> tuple[Row, ...]:
    """The rows, the largest change first."""
    return tuple(sorted(made, key=lambda r: (-abs(r.delta), r.cause, r.what, r.phase, r.source, r.place, r.limited)))


def by_op(first: Side, second: Side, before: Amounts, after: Amounts) -> dict[str, tuple[int, int]]:
    """Before and after by the label of the ops, transfers with what makes their values; only what differs."""
    found: dict[str, tuple[int, int]] = {}
    for side, amounts in ((first, before), (second, after)):
        for who, amount in amounts.items():
            add(found, side.doings[who].label, amount, side is first)
    return differing(found)


def by_place(first: Side, second: Side, before: Amounts, after: Amounts) -> dict[str, tuple[int, int]]:
    """Before and after by unit or route, as the second plan calls it; only what differs."""
    found: dict[str, tuple[int, int]] = {}
    for side, amounts in ((first, before), (second, after)):
        for who, amount in amounts.items():
            add(found, "; ".join(side.doings[who].where), amount, side is first)
    return differing(found)


def add(sums: dict[str, tuple[int, int]], key: str, amount: int, is_before: bool) -> None:
    """Add an amount to the first or the second sum of a key."""
    was, now = sums.get(key, (0, 0))
    sums[key] = (was + amount, now) if is_before else (was, now + amount)


def differing(sums: Mapping[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """The pairs that differ, the largest difference first."""
    kept = [(key, pair) for key, pair in sums.items() if pair[0] != pair[1]]
    return dict(sorted(kept, key=lambda item: (-abs(item[1][1] - item[1][0]), item[0])))
