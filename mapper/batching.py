"""The batch as a decision: how many requests a run of the phases serves together."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mapper.compiled import Compiled, Series
from mapper.errors import Infeasible, MapperError, UsageError
from mapper.frontend import PhaseSpec
from mapper.hw.target import Target
from mapper.ir.plan import Bound
from mapper.pipeline.named import pipeline_of
from mapper.pipeline.pipeline import Pipeline

LARGEST = 4096
"""The largest batch that is tried."""

SOLVED = 6
"""Batches that are placed and judged, at most."""

WORTHWHILE = 0.002
"""Part of the best value that a batch's bound must be below it for the batch to be tried."""


@dataclass(frozen=True)
class _Size:
    """A batch, its plan up to the placement, and the proven least of the objective's value per request."""

    batch: int
    ready: Compiled
    bound: Bound


def best_batch(
    compile_one: Callable[..., Compiled],
    model: str | Path | Sequence[str | Path],
    target: str | Path | Target,
    phases: Sequence[str | PhaseSpec] = (),
    *,
    pipeline: str | Pipeline = "default",
    stop_after: str | None = None,
    **options: Any,
) -> Compiled:
    """The plan of the batch with the best value per request, as `compile_one` (mapper.compiler.compile) would give it
    for that batch.

    Powers of two are tried as long as the states of their requests fit the target's memories, then what lies half way
    to the neighbours of the best, until the user or the clock stops it. Those whose bound cannot beat the best plan are
    not placed. The recorded bound is the least of the batches tried. Raises Infeasible when not even a batch of one
    fits.
    """
    if stop_after is not None:
        raise UsageError("a batch is chosen among finished plans: leave the pass to stop after out")
    began = time.perf_counter()
    search = _Search(compile_one, model, target, phases, pipeline_of(pipeline), options, Series.of(options))
    sizes = search.powers()
    solved: dict[int, Compiled] = {}
    refused: dict[int, Infeasible] = {}
    for size in sorted(sizes, key=lambda s: (s.bound.value, s.batch)):
        search.solve(size, solved, refused)
    if not solved:
        raise refused[min(refused)]
    best = _best(solved)
    for batch in (best * 3 // 4, best * 3 // 2):
        if batch < 2 or batch in solved or batch in refused or search.series.over:
            continue
        middle = search.size(batch)
        if middle is not None:
            sizes.append(middle)
            search.solve(middle, solved, refused)
    done = solved[_best(solved)]
    least = min(_bound(size, solved) for size in sizes)
    (own,) = done.plan.bounds or (Bound(done.plan.objective.value, least, "none"),)
    tried = ", ".join(str(s.batch) for s in sorted(sizes, key=lambda s: s.batch))
    bound = replace(own, value=min(own.value, least), name=f"{own.name}, the least over batches of {tried}")
    seconds = {**done.seconds, "total": round(time.perf_counter() - began, 3)}
    return replace(done, plan=replace(done.plan, bounds=(bound,)), seconds=seconds, work=search.series.work.by_solver)


def _best(solved: dict[int, Compiled]) -> int:
    """The batch with the best value; the smallest among equals."""
    return min(solved, key=lambda b: (solved[b].verdict.value(solved[b].plan.objective), b))


def _bound(size: _Size, solved: dict[int, Compiled]) -> float:
    """The sharper of a batch's bounds."""
    found = solved[size.batch].plan.bounds if size.batch in solved else ()
    return max([size.bound.value, *(b.value for b in found or ())])


@dataclass(frozen=True)
class _Search:
    compile_one: Callable[..., Compiled]
    model: str | Path | Sequence[str | Path]
    target: str | Path | Target
    phases: Sequence[str | PhaseSpec]
    pipeline: Pipeline
    options: dict[str, Any]
    series: Series

    def powers(self) -> list[_Size]:
        """Powers of two whose states fit, with their bounds."""
        found: list[_Size] = []
        batch = 1
        while batch <= LARGEST and (size := self.size(batch)) is not None:
            found.append(size)
            batch *= 2
            if self.series.over:
                break
        return found

    def size(self, batch: int) -> _Size | None:
        """A batch with its bound; None for one that cannot fit (a batch of one is left to the search to refuse)."""
        head, tail = self.pipeline.split("placement")
        once = () if batch == 1 else ("imported",)
        quiet = {k: v for k, v in self.options.items() if k not in ("instruments", *once)}
        try:
            ready = self.compile_one(self.model, self.target, self.phases, batch=batch, pipeline=head, **quiet)
        except MapperError:  # the states, or what a task works on, exceed the memories
            if batch == 1:
                raise
            return None
        (bound,) = self.series.bounded(ready.plan, tail).bounds or ()
        return _Size(batch, ready, bound)

    def solve(self, size: _Size, solved: dict[int, Compiled], refused: dict[int, Infeasible]) -> None:
        """Place and judge a batch, if its bound leaves hope that it is the best."""
        if solved and self.series.over:
            return
        if solved:
            best = solved[_best(solved)]
            if size.bound.value >= best.verdict.value(best.plan.objective) * (1 - WORTHWHILE):
                return
        if len(solved) >= SOLVED:
            return
        _, tail = self.pipeline.split("placement")
        source = tuple((n, str(self.pipeline) if n == "pipeline" else v) for n, v in size.ready.plan.source)
        try:
            made = self.series.resume(replace(size.ready.plan, source=source), tail)
        except Infeasible as error:
            refused[size.batch] = error
            return
        solved[size.batch] = replace(made, warnings=size.ready.warnings)
