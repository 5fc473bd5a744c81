"""Questions answered by several processes at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mapper.execution.forked import spread
from mapper.hw.what_if import Change
from mapper.whatif.answers import Answer, Asker


def answered(
    asker: Asker, asked: Sequence[tuple[Change, ...]], workers: int, lanes: int = 1
) -> Iterator[tuple[int, Answer]]:
    """(position, answer) of each question, in the order in which answers come; the answers are the same for any number
    of workers. Ends early where the asker's context is stopped. Answers carry no plan. lanes: see `spread`."""
    if not asked:
        return
    _ = asker.known, asker.enough, asker.before  # once, before there are several of it
    yield from spread(
        lambda i: replace(asker.answer(asked[i]), plan=None), len(asked), workers, asker.context.stop, lanes
    )
