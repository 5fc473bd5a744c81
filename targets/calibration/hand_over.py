"""What it costs to hand a value from a step in one process to the next step in another, as `mapper run` does it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from mapper.emit.manifest import InputLine, Manifest, PhasePart, Port, Step, Tensor, UnitLine
from mapper.runtime.inputs import made_up
from mapper.runtime.measured import measured
from mapper.runtime.probe import COLUMNS, ROWS, product
from mapper.runtime.program import program_of
from mapper.runtime.run import Emitted, Settings, run

STEPS = 16
"""Steps of a request, by turns on two units."""

REQUESTS = 30


@dataclass(frozen=True, slots=True)
class HandOver:
    """Seconds. overhead_s: what the units at both ends lose of their time by it. latency_s: what there is beyond that
    from the end of a step on one unit to the start of the next on another, while both are at work: a plan adds both."""

    latency_s: float
    overhead_s: float


def hand_over() -> HandOver:
    """Measured with steps as short as those of models (the product of the speed probe), one worker process for each
    unit, on cores that the system chooses.

    With as many requests as units each finds its next unit free. With more of them units have always something to do,
    so that what is not spent in steps is lost; a step has a transfer before it and one behind it, hence the half.
    """
    gap, _ = _gap_and_loss(2)
    _, loss = _gap_and_loss(4)
    return of(gap, loss)


def of(gap_s: float, loss_s: float) -> HandOver:
    """From the time between two steps on different units, and what a unit loses for each step."""
    return HandOver(max(0.0, gap_s - loss_s / 2), loss_s / 2)


def _gap_and_loss(inflight: int) -> tuple[float, float]:
    """Median time between steps of a request, and what a unit loses for each step."""
    manifest = _there_and_back()
    how = Settings(requests=REQUESTS, inflight=inflight)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "product.onnx").write_bytes(product())
        emitted = Emitted(Path(folder), manifest, program_of(manifest))
        ran = run(emitted, how, made_up(emitted.program, how.requests, 0))
    found = measured(manifest, emitted.program, ran.record, ran.inflight, {})
    assert found.rate is not None  # there are enough requests
    spent = median(step.end_ns - step.start_ns for step in ran.record.steps) / 1e9
    each = 2 / (STEPS * found.rate)
    return found.gap_s, max(0.0, each - spent)


def _there_and_back() -> Manifest:
    """A row of steps on two units by turns."""
    steps = tuple(
        Step(
            name=f"step {k}",
            piece="product.onnx",
            unit=f"unit {k % 2}",
            inputs=(Port(name="x", value=f"value {k}"),),
            outputs=(Port(name="y", value=f"value {k + 1}"),),
        )
        for k in range(STEPS)
    )
    part = PhasePart(
        name="run",
        calls=1,
        dims=(),
        inputs=(InputLine(value="value 0"),),
        outputs=(f"value {STEPS}",),
        states=(),
        values=tuple(Tensor(name=f"value {k}", dtype="float", shape=(ROWS, COLUMNS)) for k in range(STEPS + 1)),
        steps=steps,
    )
    units = tuple(UnitLine(name=f"unit {k}", kind="cpu", family="cpu") for k in range(2))
    return Manifest(model="hand-over", sha256="", target="", tool="", units=units, phases=(part,))
