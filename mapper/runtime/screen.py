"""The screen of a run: the verdict first, then times beside the plan's, then what is not as planned."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

from mapper.errors import plain
from mapper.runtime.compare import Error, all_passed
from mapper.runtime.measured import Measured
from mapper.runtime.run import Emitted, Ran, Settings
from mapper.runtime.sessions import CPU, CUDA

SHOWN = 8
"""Results and units shown one by one at most."""


@dataclass(frozen=True)
class Report:
    """All that is to be told of a run. compared: calls that were held to the whole model. errors: None without a
    comparison. here: whether the plan's target is this machine."""

    emitted: Emitted
    how: Settings
    ran: Ran
    times: Measured
    inputs: str
    here: bool
    errors: tuple[Error, ...] | None = None
    compared: int = 0
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nothing that was compared is beyond its bound."""
        return self.errors is None or all_passed(self.errors)


def data(report: Report) -> dict[str, Any]:
    """The same as JSON data. Seconds, requests per second."""
    manifest, times = report.emitted.manifest, report.times
    return {
        "model": manifest.model,
        "target": manifest.target,
        "target_is_this_machine": report.here,
        "passed": None if report.errors is None else report.passed,
        "compared_calls": report.compared,
        "outputs": [_error(e) for e in report.errors or ()],
        "requests": report.how.requests,
        "inflight": report.ran.inflight,
        "inputs": report.inputs,
        "workers": report.how.workers,
        "threads": report.how.threads,
        "optimize": report.how.optimize,
        "pinned": report.ran.pinned,
        "units": [
            {"unit": str(p), "busy": b, "providers": list(dict.fromkeys(found))}
            for p, b, found in zip(report.emitted.program.places, times.busy, report.ran.providers, strict=True)
        ],
        "phases": [asdict(p) for p in times.phases],
        "request_s": times.request_s,
        "whole_request_s": times.whole_s,
        "predicted_request_s": times.predicted_s,
        "rate": times.rate,
        "whole_rate": times.whole_rate,
        "predicted_rate": times.predicted_rate,
        "speed": times.speed,
        "predicted_request_now_s": times.predicted_now_s,
        "predicted_rate_now": times.predicted_rate_now,
        "steps": times.steps,
        "gap_s": times.gap_s,
        "notes": list(report.notes),
    }


def _error(error: Error) -> dict[str, Any]:
    """Infinite errors are null: JSON knows no infinity."""
    found = asdict(error) | {"passed": error.passed}
    return {k: None if isinstance(v, float) and not isfinite(v) else v for k, v in found.items()}


def screen(report: Report) -> str:
    """The screen as text."""
    lines = ["", f"  {_title(report)}", "", *_outputs(report), *_times(report), "", *_workers(report)]
    for note in report.notes:
        lines += textwrap.wrap(plain(note), 100, initial_indent="  note     ", subsequent_indent="           ")
    return "\n".join([*lines, "", ""])


def _title(report: Report) -> str:
    manifest, program = report.emitted.manifest, report.emitted.program
    calls = len(program.calls)
    words = [plain(f"{manifest.model} on {manifest.target}")]
    words.append(f"{_count(report.how.requests, 'request')} of {_count(calls, 'call')}, {report.inputs}")
    if report.errors is not None:
        words.append(_verdict(report))
    return " · ".join(words)


def _verdict(report: Report) -> str:
    errors = report.errors or ()
    if not errors:
        return "NOTHING was compared with the whole model"
    if not report.passed:
        failed = sum(not e.passed for e in errors)
        return f"DIFFERS from the whole model in {failed} of {len(errors)} outputs"
    if all(e.exact for e in errors):
        return f"same bits as the whole model ({_count(report.compared, 'call')} compared)"
    return f"as the whole model within rounding ({_count(report.compared, 'call')} compared)"


def _outputs(report: Report) -> Iterator[str]:
    if not report.errors:
        return
    shown = sorted(report.errors, key=lambda e: (e.passed, -e.relative))[:SHOWN]
    width = max(len(_short(e.name)) for e in shown)
    yield f"  {'output':<{width}}   max error   relative      bound"
    for e in shown:
        bound = f"{e.bound:.1e}" if e.bound else "same bits"
        verdict = "same bits" if e.exact else "within" if e.passed else "BEYOND"
        yield f"  {_short(e.name):<{width}}   {e.largest:>9.2g}   {e.relative:>8.1e}  {bound:>9}   {verdict}"
    if len(report.errors) > SHOWN:
        yield f"  and {len(report.errors) - SHOWN} more, none worse"
    yield ""


def _times(report: Report) -> Iterator[str]:
    times = report.times
    where = "predicted" if report.here else f"{report.emitted.manifest.target}, planned"
    width = max(len("request"), *(len(p.name) for p in times.phases))
    head = f"  {'':<{width}}  calls   measured   whole model   {where}"
    second = width + 62
    yield head if times.speed is None else f"{head:<{second}}at {times.speed:.2f} of its speed"
    rows = [(p.name, p.calls, p.measured_s, p.whole_s, p.predicted_s, p.predicted_now_s) for p in times.phases]
    calls = len(report.emitted.program.calls)
    rows.append(("request", calls, times.request_s, times.whole_s, times.predicted_s, times.predicted_now_s))
    for name, calls, took, whole, planned, now in rows:
        alone = _seconds(whole) if whole is not None else "-"
        line = f"  {name:<{width}}  {calls:>5}  {_seconds(took):>9}   {alone:>11}   {_against(report, planned, took)}"
        yield line if times.speed is None else f"{line:<{second}}{_against(report, now, took)}"
    if times.speed is not None:
        yield f"  speed {times.speed:.2f} of that which the target was calibrated at, by a probe around the requests"
    if times.rate is not None:
        serial = f", the whole model {times.whole_rate:.4g} one after the other" if times.whole_rate else ""
        ratio = f" (x {times.rate / times.whole_rate:.2f})" if times.whole_rate else ""
        rate = f", planned {times.predicted_rate:.4g}" if times.predicted_rate else ""
        yield f"  steady {times.rate:.4g} requests/s{ratio} with {report.ran.inflight} at once{serial}{rate}"


def _against(report: Report, planned: float, took: float) -> str:
    """A planned time, and by how much the measured one is off it where they can be compared."""
    comparable = report.here and planned and report.ran.inflight == 1
    return _seconds(planned) + (f" ({took / planned - 1:+.0%} measured)" if comparable else "")


def _workers(report: Report) -> Iterator[str]:
    busy = zip(report.emitted.program.places, report.times.busy, report.ran.providers, strict=True)
    ranked = sorted(busy, key=lambda row: -row[1])
    gpu = {True: " (GPU)", False: ""}
    words = ", ".join(f"{p} {b:.0%}{gpu[CUDA in found]}" for p, b, found in ranked[:SHOWN])
    more = f" and {len(ranked) - SHOWN} more" if len(ranked) > SHOWN else ""
    yield f"  busy     {words}{more}"
    how = report.how
    kind = "one process each" if how.workers == "process" else "all in this process"
    pinned = ", each on a core of its own" if report.ran.pinned else ""
    providers = dict.fromkeys(p for found in report.ran.providers for p in found) or {CPU: None}
    yield f"  workers  {len(ranked)}, {kind}{pinned}, {_count(how.threads, 'thread')} each; {' and '.join(providers)}"
    level = "on: borders of pieces change what is fused" if how.optimize else "off: times are not the best (--optimize)"
    yield f"  fusing   {level}"


def _seconds(value: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns" if value else "-"


def _count(number: int, one: str) -> str:
    return f"{number} {one}" + ("s" if number != 1 else "")


def _short(name: str) -> str:
    known = plain(name)
    return known if len(known) <= 40 else f"...{known[-37:]}"
