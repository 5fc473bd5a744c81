"""`evaluate`: a run of an emitted plan, measured, and compared with the whole model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mapper.emit.counting import Counted, uncounted
from mapper.runtime.compare import Comparison, Error, Kept, compared_requests, is_sharded
from mapper.runtime.inputs import Brought
from mapper.runtime.measured import measured
from mapper.runtime.rounding import has_short_floats, rounding_bound
from mapper.runtime.run import Emitted, Ran, Settings, run
from mapper.runtime.screen import Report
from mapper.runtime.speed import is_this_machine
from mapper.runtime.whole import Whole


def evaluate(
    emitted: Emitted,
    how: Settings,
    inputs: Brought,
    words: str = "",
    wholes: Mapping[str, Path] | None = None,
    tolerance: float | None = None,
    *,
    keep: bool = False,
    count: Counted = uncounted,
) -> tuple[Report, Kept]:
    """What a run gave, and the results that were kept.

    inputs, words: what requests bring, and how that is called. wholes: the whole model's file of each label, to compare
    with. tolerance: the relative error allowed; None: the same bits where the same kernels run on the same numbers,
    else `rounding_bound`. keep: keep the first request's results also where nothing is compared. count is told how far
    it is.
    """
    kept = Kept(compared_requests(how.requests) if wholes else frozenset([0] if keep else []))
    ran = run(emitted, how, inputs, kept, count)
    seconds: dict[int, list[float]] = {}
    found, notes = None, _notes(emitted, ran, kept)
    if wholes:
        count("opening the whole model", 0, 0)
        whole = Whole(emitted.program, wholes, how.threads, how.optimize)
        bound = _bound(emitted, how, wholes, ran) if tolerance is None else tolerance
        found = _compared(emitted, whole, Comparison(bound, tolerance or 0.0), inputs, kept, seconds, count)
        notes += [f"input '{n}' of the whole model got zeros ({s}): no piece reads it" for n, s in whole.zeros.items()]
    times = measured(emitted.manifest, emitted.program, ran.record, ran.inflight, seconds, ran.probes)
    here = is_this_machine(emitted.manifest)
    compared = len(kept.results) if wholes else 0
    return Report(emitted, how, ran, times, words, here, found, compared, tuple(notes)), kept


def _compared(
    emitted: Emitted,
    whole: Whole,
    found: Comparison,
    inputs: Brought,
    kept: Kept,
    seconds: dict[int, list[float]],
    count: Counted,
) -> tuple[Error, ...]:
    """The errors of what was kept; times of the whole model's calls go to `seconds`, by phase."""
    last: dict[int, int] = {}
    for request, at in kept.results:
        last[request] = max(at, last.get(request, 0))
    total = sum(at + 1 for at in last.values())
    for done, call in enumerate(whole.calls(emitted.program, inputs, last)):
        count("calls of the whole model", done, total)
        index = emitted.program.calls[call.at][0]
        seconds.setdefault(index, []).append(call.seconds)
        if (call.request, call.at) in kept.results:
            found.add(emitted.program.parts[index], kept.results[call.request, call.at], call.results)
    return found.errors


def _bound(emitted: Emitted, how: Settings, wholes: Mapping[str, Path], ran: Ran) -> float:
    """What an output may differ by: nothing where the same kernels run on the same numbers. Short floats may be longer
    inside the whole model than between pieces: the processor has no kernels for them in onnxruntime, which computes
    stretches of nodes in f32."""
    if is_sharded(emitted.manifest) or how.optimize or ran.on_gpu or has_short_floats(wholes.values()):
        return rounding_bound(wholes.values())
    return 0.0


def _notes(emitted: Emitted, ran: Ran, kept: Kept) -> list[str]:
    """What was not as the plan has it, each on one line."""
    found = list(ran.notes)
    moved = emitted.manifest.moved
    if moved:
        nodes = f"{len(moved)} nodes do" if len(moved) > 1 else "1 node does"
        found.append(f"{nodes} not run where or how the plan has it, as '{moved[0].node}': {moved[0].why} (manifest)")
    for what, changes in (("has shape", ran.record.unfit), ("was fitted to the next call,", ran.record.refitted)):
        for name, words in list(changes.items())[:1]:
            more = f"; so {len(changes) - 1} more" if len(changes) > 1 else ""
            found.append(f"{name} {what} {words}{more}")
    if kept.dropped:
        found.append(f"{kept.dropped} calls were not kept: their results would take too much memory (--calls)")
    return found
