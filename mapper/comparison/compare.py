"""Compares targets: the model read once, every target asked, what is known already taken from the folder."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mapper.comparison.answers import Answer, kept
from mapper.comparison.comparison import Comparison
from mapper.comparison.machines import Machine, key_of, program
from mapper.comparison.solving import Reading, Task, reading_of
from mapper.comparison.workers import Watcher, ask
from mapper.execution import jobs as execution
from mapper.question import Question


class Nobody(execution.Nobody):
    """A watcher that is told and does nothing."""

    def ended(self, answer: Answer) -> None:
        """Nothing."""


def compare(
    question: Question,
    machines: Sequence[Machine],
    out: str | Path,
    *,
    auto: bool = False,
    jobs: int = 0,
    reading: Reading | None = None,
    stop: threading.Event | None = None,
    watch: Watcher | None = None,
) -> Comparison:
    """Ask every machine the same question; each answer has a folder of its own below `out` from when it is found.

    auto: the batch is decided for each target (`question.batch` is None then). jobs: targets at once, 0 for as many as
    there are cores; what is found is the same. reading: what `reading_of` gave, if the model is read already. Whole
    answers to the same question that are below `out` are taken as they are. Setting `stop` ends the searches with the
    best plans so far. Raises MapperError for a model that cannot be read and a folder that cannot be written.
    """
    first = replace(question, batch=1) if auto else question
    first.check()
    reading = reading or reading_of(first)
    watch, stop, folder = watch or Nobody(), stop or threading.Event(), Path(out)
    asked = asked_data(question, reading, auto)
    tasks, answers = [], dict[str, Answer]()
    for machine in machines:
        key = key_of(machine, asked)
        known = kept(machine.name, key, folder / machine.name)
        if known is not None:
            answers[machine.name] = known
            watch.ended(known)
        else:
            own = replace(question, settings=machine.settings)
            tasks.append(Task(machine, own, reading, folder / machine.name, key, auto))
    count = min(jobs or os.cpu_count() or 1, len(tasks))
    found = ask(tasks, count, stop, watch)
    answers |= {answer.target: answer for answer in found}
    return Comparison(reading.found, asked, tuple(machines), tuple(answers[m.name] for m in machines))


def asked_data(question: Question, reading: Reading, auto: bool = False) -> dict[str, Any]:
    """All that an answer depends on besides the target, as JSON data: a part of its content address."""
    phases = [[s.name, Path(s.file).name, dict(s.dims), s.calls] for s in question.phases]
    return {
        "model": " ".join(question.files),
        "sha256": reading.found.digest,
        "phases": phases,
        "dims": dict(sorted(question.dims.items())),
        "expect": dict(sorted(question.expect.items())),
        "mix": dict(sorted(question.mix.items())) if question.mix else None,
        "connect": [list(pair) for pair in question.connect],
        "objective": question.goal.objective.value,
        "limits": [str(limit) for limit in question.goal.limits],
        "batch": "auto" if auto else question.batch,
        "precision": question.precision.value if question.precision else None,
        "pipeline": str(question.pipeline),
        "effort": question.effort.value,
        "seed": question.seed,
        "time_limit_s": question.time_limit,
        **program(),
    }
