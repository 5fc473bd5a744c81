"""One target asked: the model read once for all of them, then placed, judged and held to every rule."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mapper.batching import best_batch
from mapper.comparison.answers import FAILED, Answer, Broken, answered, declined, keep
from mapper.comparison.machines import Machine
from mapper.compiled import Compiled, deadline_of, seconds_of
from mapper.cost.check import check
from mapper.frontend import Imported
from mapper.hw.target import Target
from mapper.ir.plan import Plan
from mapper.pipeline.instruments import Timing
from mapper.pipeline.pass_ import Context, Progress
from mapper.pipeline.pipeline import Pipeline
from mapper.question import Question

_NO_TARGET = Target("none", "nothing is mapped", (), (), ())

Tell = Callable[[Progress], None]


@dataclass(frozen=True)
class Reading:
    """A model read for the phases of a question, after the passes that look at the graph alone."""

    found: Imported
    seconds: float


def reading_of(question: Question) -> Reading:
    """Read the model and run the leading passes that need no more than the graph. Raises MapperError."""
    began = time.perf_counter()
    found = question.read()
    plan = Plan(_NO_TARGET, found.graph, found.phases)
    graph = _halves(question.pipeline)[0].run(plan, Context()).graph
    return Reading(replace(found, graph=graph, survey=None), time.perf_counter() - began)


def _halves(pipeline: Pipeline) -> tuple[Pipeline, Pipeline]:
    """The leading passes that read and write nothing but the graph, which give the same for every target; the rest."""
    steps = pipeline.passes
    count = next((i for i, s in enumerate(steps) if (s.requires, s.provides) != (("graph",), ("graph",))), len(steps))
    return Pipeline(steps[:count]), Pipeline(steps[count:])


@dataclass(frozen=True)
class Task:
    """A target and what it is asked. out: the folder of its answer. auto: whether the batch is to be decided."""

    machine: Machine
    question: Question
    reading: Reading
    out: Path
    key: str
    auto: bool = False


def solve(task: Task, stop: threading.Event, tell: Tell) -> Answer:
    """Ask a target and keep its answer in its folder; whatever goes wrong with it is its answer, too."""
    began = time.perf_counter()
    done: Compiled | None = None
    try:
        done = _compiled(task, stop, tell)
        done = replace(done, known=check(done.plan))
        answer = answered(task.machine.name, done)
    except MemoryError:
        error = Broken("not enough memory", hint="fewer at once (--jobs 1)")
        return declined(task.machine.name, error, time.perf_counter() - began)
    except Exception as error:
        done, answer = None, declined(task.machine.name, error, time.perf_counter() - began)
    answer = replace(answer, key=task.key, whole=answer.outcome != FAILED and not stop.is_set())
    keep(answer, done, task.out)
    return answer


def _compiled(task: Task, stop: threading.Event, tell: Tell) -> Compiled:
    question = task.question
    if not task.auto:
        return _on(question, task.reading, task.machine.target, stop, tell)
    readings = {1: task.reading}

    def one(_: Any, target: Any, __: Any, *, batch: int, pipeline: Pipeline, **___: Any) -> Compiled:
        asked = replace(question, batch=batch, pipeline=pipeline)
        if batch not in readings:
            readings[batch] = reading_of(asked)
        return _on(asked, readings[batch], target, stop, tell)

    return best_batch(
        one,
        question.models,
        task.machine.target,
        question.phases,
        pipeline=question.pipeline,
        stop=stop,
        tell=tell,
        effort=question.effort,
        seed=question.seed,
        time_limit=question.time_limit,
    )


def _on(question: Question, reading: Reading, target: Target, stop: threading.Event, tell: Tell) -> Compiled:
    """The plan of one target, as `compile` makes it."""
    began = time.perf_counter()
    ctx = Context(question.seed, question.effort, deadline_of(question.time_limit), stop, tell)
    timing = Timing()
    plan = _halves(question.pipeline)[1].run(question.plan(reading.found, target), ctx, [timing])
    seconds = seconds_of(0.0, timing, time.perf_counter() - began)
    return Compiled(plan, seconds, reading.found.warnings, work=ctx.work.by_solver)
