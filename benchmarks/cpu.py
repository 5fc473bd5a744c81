"""Whole models on this machine's CPU: onnxruntime beside what `compile` says of a calibrated target.

python -m benchmarks.cpu TARGET.yaml      prints a line for each model; the target is what `mapper calibrate cpu` wrote
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime

from targets.calibration.timing import repeated

CASES = (
    ("bert-base", 2, {"batch": 1, "seq": 128}),
    ("bert-base", 2, {"batch": 1, "seq": 384}),
    ("gpt2", 2, {"batch": 1, "seq": 128, "past": 0}),
    ("gpt2", 2, {"batch": 1, "seq": 1, "past": 512}),
)
"""Model, layers and dims; two layers, as weights are written out."""

BUDGET_S = 2.0
_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(int64)": np.int64}


def measured_s(model: Path, dims: dict[str, int]) -> float:
    """Least seconds of a run with onnxruntime's own optimisations."""
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    feeds = {}
    for given in session.get_inputs():
        shape = [size if isinstance(size, int) else size_of(size, dims) for size in given.shape]
        feeds[given.name] = np.ones(shape, dtype=_TYPES[given.type])
    return min(repeated(lambda: session.run(None, feeds), BUDGET_S))


def size_of(name: str, dims: dict[str, int]) -> int:
    """A dim by its name, or a sum of such as `past+seq`."""
    return sum(dims[part.strip()] for part in name.split("+"))


def estimated_s(model: Path, target: str, dims: dict[str, int]) -> float:
    """Latency by `mapper compile`."""
    sizes = [word for name, size in dims.items() for word in ("--dim", f"{name}={size}")]
    words = ["compile", str(model), "--target", target, "--objective", "latency", "--precision", "f32", "--json"]
    command = [sys.executable, "-c", "import sys; from mapper.cli import main; sys.exit(main())", *words, *sizes]
    done = subprocess.run([*command, "--out", str(model.parent / "plan")], check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout)["latency_s"])


def main(target: str) -> None:
    """Prints measured and estimated latency and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        for name, layers, dims in CASES:
            model = Path(folder) / f"{name}.onnx"
            build = [sys.executable, "samples/models/build.py", name, "--layers", str(layers), "--random-weights"]
            subprocess.run([*build, "--out", str(model)], check=True, capture_output=True)
            real, said = measured_s(model, dims), estimated_s(model, target, dims)
            print(f"{name} {layers} layers {dims}: measured {real:.4g} s, estimated {said:.4g} s, {said / real:.2f}x")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("target", type=str)
    main(parser.parse_args().target)
