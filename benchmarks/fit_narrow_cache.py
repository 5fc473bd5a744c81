"""Fits how much quicker a GPU that no table of attention is about reads 8-bit caches than the joint fit says.

python -m benchmarks.fit_narrow_cache FOLDER [DEVICE [MODEL]]

FOLDER is the folder of measured latencies; DEVICE and MODEL choose rows of TensorRT-LLM's tables of throughput that may
be fitted on (default: H100, LLaMA 7B, whose time is mostly that of such caches). The server's own time is that of its
file, which benchmarks/fit_serving.py fits to prices with the result: run the two in turn. Printed: the bias by factor,
and the line of the unit file at the one with the least. Below benchmarks/left_out the device keeps the joint fit.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks import left_out_files, serving
from benchmarks.measured import tensorrt_llm
from benchmarks.measured.served import Served
from mapper.hw.load import load_target
from mapper.hw.target import Target
from targets.models.decode_grid import DecodeFit
from targets.models.gpu import Gpu

FACTORS = (1, 2, 3, 4, 5, 6, 7, 8, 10)
CYCLES, RATES = ("block", "step", "ramp"), ("thread_bytes", "l2")
NARROW = ("single_narrow", "grouped_narrow")


def quicker(factor: float) -> dict[str, dict[str, float]]:
    """The kernels of narrow caches with fewer cycles and more bytes a cycle."""
    kernels = {name: getattr(DecodeFit(), name).model_dump() for name in NARROW}
    for figures in kernels.values():
        figures |= {name: figures[name] / factor for name in CYCLES} | {name: figures[name] * factor for name in RATES}
    return kernels


def on(target: Target, kernels: dict[str, dict[str, float]]) -> Target:
    """The target whose GPUs read narrow caches by those kernels."""
    units = []
    for unit in target.units:
        model = unit.model
        changed = model.scaled(decode={**model.decode.model_dump(), **kernels}) if isinstance(model, Gpu) else model
        units.append(replace(unit, model=changed))
    return replace(target, units=tuple(units))


def bias(rows: Sequence[Served], factor: float) -> float:
    """The mean error of requests a second."""
    kernels, server = quicker(factor), serving.Server.load(tensorrt_llm.SOURCE)
    wrong = []
    for row in rows:
        split = replace(row.config, ranks=row.ranks)
        target = on(load_target(row.target), kernels)
        found = serving.decoder_calls(split, target, row.weights, row.batch, row.beams, row.prompt, row.tokens)
        if found is not None:
            wrong.append(serving.requests_per_s(row, found, server) / row.per_s - 1)
    return float(np.mean(wrong))


def main() -> None:
    """Prints the bias by factor and the line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("device", nargs="?", default="H100")
    parser.add_argument("model", nargs="?", default="LLaMA 7B")
    options = parser.parse_args()
    chosen = (options.device, options.model)
    rows = [r for r in tensorrt_llm.served(options.folder) if (r.device, r.model) == chosen and r.per_s]
    rows = [r for r in rows if not r.held_out]
    if not rows:
        parser.error(f"no rows of {options.model} on {options.device} may be fitted on")
    biases = {factor: bias(rows, factor) for factor in FACTORS}
    for factor, found in biases.items():
        print(f"# {factor} times as quick: mean error {100 * found:+.1f} %")
    best = min(biases, key=lambda factor: abs(biases[factor]))
    kernels = (f"{name}: {{{', '.join(f'{k}: {v:.4g}' for k, v in f.items())}}}" for name, f in quicker(best).items())
    print(f"decode: {{{', '.join(kernels)}}}")
    left_out_files.write(rows[0].target, {"decode": DecodeFit().model_dump()})


if __name__ == "__main__":
    main()
