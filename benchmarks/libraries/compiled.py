"""One model compiled on one target, in a process of its own: how long it took, how quick the plan is, or why not."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mapper.errors import Infeasible
from mapper.execution.jobs import Job, Outcome, Tell

MODELS = {
    "bert-base": ("run: batch=1 seq=128",),
    "gpt2": ("prefill: batch=1 seq=512 past=0", "decode: batch=1 seq=1 past=512..639"),
}
"""What every target is asked, and the phases."""

SLOW_S = 20.0
"""The bar."""


@dataclass(frozen=True)
class Row:
    """A model on a target. why: why there can be no plan, in the compiler's words; fault: what else went wrong.

    kinds: the classes of its units and how many of each. load_s: to read the target. seconds, cpu_s: to compile and to
    write all files, by the clock and of the processor. per_s: requests a second of an encoder, tokens a second of a
    decoder. gap: to the proven bound, a part of it; None without one.
    limited_by: the largest cause of the time, and its part in percent.
    """

    target: str
    model: str
    kinds: str = ""
    load_s: float = 0.0
    seconds: float = 0.0
    cpu_s: float = 0.0
    per_s: float = 0.0
    gap: float | None = None
    limited_by: str = ""
    why: str = ""
    fault: str = ""

    @property
    def slow(self) -> bool:
        """Whether it took longer than the bar; what other programs took of the clock does not count."""
        return min(self.seconds, self.cpu_s) > SLOW_S


def job(target: str, model: str, folder: Path) -> Job:
    """The compilation as something that a process can run; the models are in the folder."""
    return Job(f"{model} on {target}", _compiled, (target, model, folder))


def row_of(outcome: Outcome) -> Row:
    """The row, whatever became of the process."""
    if isinstance(outcome.value, Row):
        return outcome.value
    model, _, target = outcome.name.partition(" on ")
    failure = outcome.failure
    said = f"{failure.kind}: {failure.message}" if failure else outcome.status.value
    return Row(target, model, seconds=outcome.seconds, fault=said)


def _compiled(asked: tuple[str, str, Path], _stop: threading.Event, _tell: Tell) -> Row:
    from mapper.compiler import compile
    from mapper.hw.load import load_target
    from mapper.hw.survey import survey

    name, model, folder = asked
    began = time.perf_counter()
    target = load_target(name)
    loaded = time.perf_counter() - began
    kinds = ", ".join(f"{many} {kind}" for kind, many in survey(name).classes.items())
    row = Row(name, model, kinds, loaded)
    began, busy = time.perf_counter(), time.process_time()
    found: dict[str, Any] = {}
    try:
        made = compile(folder / f"{model}.onnx", target, MODELS[model])
        made.save(folder / f"{name}-{model}")
        summary = made.summary
        found["per_s"] = summary["tokens_per_s"] if len(MODELS[model]) > 1 else summary["throughput_per_s"]
        found["gap"] = summary["gap"]
        found["limited_by"] = next((f"{share.what} {100 * share.part:.0f} %" for share in made.limits), "")
    except Infeasible as error:
        found["why"] = error.message
    return replace(row, seconds=time.perf_counter() - began, cpu_s=time.process_time() - busy, **found)
