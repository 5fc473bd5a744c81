"""What it costs to hand a value from a step in one process to the next step in another, as `mapper run` does it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from mapper.emit.manifest import InputLine, Manifest, PhasePart, Port, Step, Tensor, UnitLine
from mapper.runtime.inputs import made_up
from mapper.runtime.measured import measured
from mapper.runtime.program import program_of
from mapper.runtime.run import Emitted, Settings, run
from targets.calibration.graphs import empty

STEPS = 16
"""Steps of a request, by turns on two units."""

REQUESTS = 40


def hand_over_seconds() -> float:
    """Median time between the end of a step on one unit and the start of the next on another; steps that compute next
    to nothing, one worker process for each unit, on cores that the system chooses."""
    manifest = _there_and_back()
    how = Settings(requests=REQUESTS, inflight=1)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "empty.onnx").write_bytes(empty())
        emitted = Emitted(Path(folder), manifest, program_of(manifest))
        ran = run(emitted, how, made_up(emitted.program, how.requests, 0))
    return measured(manifest, emitted.program, ran.record, ran.inflight, {}).gap_s


def _there_and_back() -> Manifest:
    """A row of steps on two units by turns."""
    steps = tuple(
        Step(
            name=f"step {k}",
            piece="empty.onnx",
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
        values=tuple(Tensor(name=f"value {k}", dtype="float", shape=(1,)) for k in range(STEPS + 1)),
        steps=steps,
    )
    units = tuple(UnitLine(name=f"unit {k}", kind="cpu", family="cpu") for k in range(2))
    return Manifest(model="hand-over", sha256="", target="", tool="", units=units, phases=(part,))
