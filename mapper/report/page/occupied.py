"""Memory over time: weights, states and buffers in each memory, for one request and in steady state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mapper.cost.judge import Verdict
from mapper.hw.work import TICKS_PER_SECOND
from mapper.report.occupancy import Occupancy, alone, in_steady_state
from mapper.report.page.shell import Section
from mapper.report.page.stretch import stretch

MOST_POINTS = 240
MOST_MEMORIES = 9
"""Charts at most, of the fullest memories; the others, and those of weights alone, are told."""


def section(verdict: Verdict, summary: Mapping[str, Any]) -> Section | None:
    """Memory over time. A view has for each memory its bytes of weights and of states, which stay, and the times (in
    seconds) with the bytes of buffers from then on; of request views phase by phase, one call each."""
    window = stretch(verdict)
    steady = in_steady_state(verdict, window, MOST_POINTS)
    calls = alone(verdict, MOST_POINTS // max(1, len(verdict.plan.phases)))
    every = [*steady, *(o for c in calls for o in c.memories)]
    if not every:
        return None
    full = {o.memory: verdict.peaks[o.memory] / max(1, o.capacity) for o in every}
    capacity = verdict.plan.target.memory
    changing = {o.memory for o in every if o.states or o.buffers.most}
    shown = sorted(changing, key=lambda name: (-full[name], name))[:MOST_MEMORIES]
    begins, begin = [], 0
    for call in calls:
        begins.append(begin)
        begin += call.ticks
    pieces = [(b, c.memories) for b, c in zip(begins, calls, strict=True)]
    data = {
        "memories": [[name, capacity[name].capacity_bytes, verdict.peaks[name]] for name in shown],
        "others": [[name, round(full[name], 4)] for name in full if name in changing and name not in shown],
        "weights": [[name, round(part, 4)] for name, part in full.items() if name not in changing],
        "views": [
            {
                "name": "steady state",
                "length": (window.end - window.start) / TICKS_PER_SECOND,
                "phases": [],
                "lines": _lines(shown, [(0, steady)]),
            },
            {
                "name": "one request",
                "length": begin / TICKS_PER_SECOND,
                "phases": [[c.phase, b / TICKS_PER_SECOND, c.calls] for b, c in zip(begins, calls, strict=True)],
                "lines": _lines(shown, pieces),
            },
        ],
    }
    return Section("memory", "Memory over time", data)


def _lines(shown: Iterable[str], pieces: Sequence[tuple[int, Sequence[Occupancy]]]) -> list[dict[str, Any] | None]:
    """What lies in each memory; None for one in which nothing does. pieces: from which tick on what is there."""
    found: list[dict[str, Any] | None] = []
    for name in shown:
        rows = [(begin, o) for begin, memories in pieces for o in memories if o.memory == name]
        if not rows:
            found.append(None)
            continue
        times = [float(f"{(begin + t) / TICKS_PER_SECOND:.6g}") for begin, o in rows for t in o.buffers.times]
        buffers = [size for _, o in rows for size in o.buffers.high]
        first = rows[0][1]
        found.append({"weights": first.weights, "states": first.states, "times": times, "buffers": buffers})
    return found
