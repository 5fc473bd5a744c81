"""Fits the tile constants of a GPU to measured matrix products and reports the error on models not used for fitting.

Usage: python benchmarks/fit_gpu.py /path/to/measured [a100|h100]
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

from targets.models.tiles import Array, TileFigures, gemm_seconds

DEVICES = {  # processors.csv: SMs, clock, dense f16 peak, memory bandwidth, L2; vidur files for fit and for test
    "a100": (
        108, 1.41e9, 312e12, 2039e9, 40e6,
        ("a100_Llama-2-7b-hf", "a100_phi-2"), ("a100_Llama-2-70b-hf", "a100_internlm-20b"),
    ),
    "h100": (132, 1.83e9, 989e12, 3350e9, 50e6, ("h100_Llama-2-7b-hf",), ("h100_CodeLlama-34b-Instruct-hf",)),
}  # fmt: skip
START = np.array([3e-6, 0.8, 0.8, 3.0, 64.0, 1.0, 16.0, 1e-6, 0.5])
"""launch_s, matmul efficiency, memory efficiency, overlap, k_overhead, l2_reach, l2 B/cycle/SM, split_s, wave_share."""


def rows(path: Path, dtype: str | None = None) -> Array:
    """m, n, k, seconds of the matrix products of one file; the median of repeated shapes."""
    seen: dict[tuple[float, ...], list[float]] = {}
    with path.open() as handle:
        for row in csv.DictReader(handle):
            if float(row["k"]) and (dtype is None or row["dtype"] == dtype):
                shape = (float(row["m"]), float(row["n"]), float(row["k"]))
                seen.setdefault(shape, []).append(float(row["latency_us"]) * 1e-6)
    return np.array([(*shape, np.median(times)) for shape, times in seen.items()]).T


def predict(x: Array, device: str, data: Array) -> Array:
    """Seconds with launch for every shape."""
    sms, clock, peak, bandwidth, l2, *_ = DEVICES[device]
    launch, ec, eb, p, k0, reach, l2_rate, split, wave = x
    figures = TileFigures(
        sms=sms, ops_per_s=peak, bytes_per_s=bandwidth, l2_bytes=l2, l2_bytes_per_s=l2_rate * clock * sms,
        compute_efficiency=ec, memory_efficiency=eb, overlap=p, k_overhead=k0, l2_reach=reach,
        split_s=split, wave_share=wave,
    )  # fmt: skip
    m, n, k, _ = data
    moved = 2 * (m * k + k * n + m * n)
    return launch + gemm_seconds(m, n, k, np.ones_like(m), moved, 2.0, figures)


LOW = np.array([1e-7, 0.3, 0.3, 1.0, 0.1, 0.02, 1.0, 1e-9, 0.01])
HIGH = np.array([2e-5, 1.0, 1.0, 16.0, 1024.0, 4.0, 256.0, 2e-5, 1.0])


def fit(device: str, data: Array, rounds: int = 120, children: int = 24) -> Array:
    """Constants of least mean relative error, by an evolution around the best quarter."""
    rng = np.random.default_rng(0)
    centre, step = START, np.full(len(START), 0.5)

    def loss(x: Array) -> float:
        return float(np.mean(np.abs(np.log(predict(x, device, data) / data[3]))))

    best, best_loss = START, loss(START)
    for _ in range(rounds):
        tried = np.clip(centre * np.exp(step * rng.standard_normal((children, len(START)))), LOW, HIGH)
        order = sorted(((loss(x), i) for i, x in enumerate(tried)))
        elite = np.log(tried[[i for _, i in order[: children // 4]]])
        centre, step = np.exp(elite.mean(axis=0)), 0.7 * step + 0.3 * (elite.std(axis=0) * 1.4 + 1e-3)
        if order[0][0] < best_loss:
            best_loss, best = order[0][0], tried[order[0][1]]
    return best


def error(x: Array, device: str, data: Array) -> float:
    """Mean absolute relative error."""
    return float(np.mean(np.abs(predict(x, device, data) / data[3] - 1)))


def main(folder: Path, device: str) -> None:
    """Prints the constants and the errors."""
    *_, train, test = DEVICES[device]
    fitted = np.concatenate([rows(folder / "vidur" / f"{name}.csv") for name in train], axis=1)
    x = fit(device, fitted)
    print(
        device,
        dict(
            zip(
                [
                    "launch_s",
                    "matmul",
                    "memory",
                    "overlap",
                    "k_overhead",
                    "l2_reach",
                    "l2_rate",
                    "split_s",
                    "wave_share",
                ],
                x.tolist(),
                strict=True,
            )
        ),
    )
    print(f"  fitted on {', '.join(train)}: {error(x, device, fitted):.1%} of {fitted.shape[1]} shapes")
    for name in test:
        data = rows(folder / "vidur" / f"{name}.csv")
        print(f"  {name}: {error(x, device, data):.1%} of {data.shape[1]} shapes")
    data = rows(folder / "aiconfigurator" / f"gemm_{device}_sxm.csv", "bfloat16")
    print(f"  aiconfigurator bf16: {error(x, device, data):.1%} of {data.shape[1]} shapes")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "a100")
