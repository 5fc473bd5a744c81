"""Fits what FasterTransformer adds to kernels, on the models that may be used for it, and prints the runtime's file.

python -m benchmarks.fit_runtime FOLDER

FOLDER is the folder of measured latencies. All errors are relative; the held-out side is printed, never fitted.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.generation import Runtime, Terms, terms
from benchmarks.measured import fastertransformer
from benchmarks.measured.fastertransformer import Request


def fit(asked: Sequence[Request], found: Sequence[Terms]) -> Runtime:
    """The runtime with the least sum of squared relative errors, no constant below 0."""
    measured = np.array([r.seconds for r in asked])
    features = np.array([(t.launches, 1.0, t.doublings, t.rows_drawn) for t in found])
    missing = 1 - np.array([t.kernels_s for t in found]) / measured
    kept = list(range(features.shape[1]))
    while True:
        scaled = features[:, kept] / measured[:, None]
        solved = np.linalg.lstsq(scaled, missing, rcond=None)[0]
        if (solved >= 0).all():
            break
        kept.pop(int(np.argmin(solved * scaled.mean(axis=0))))
    constants = np.zeros(features.shape[1])
    constants[kept] = solved
    return Runtime(*constants.tolist())


def errors(asked: Sequence[Request], found: Sequence[Terms], runtime: Runtime) -> str:
    """Mean absolute and mean error, in percent."""
    if not asked:
        return "no rows"
    wrong = [100 * (t.seconds(runtime) / r.seconds - 1) for r, t in zip(asked, found, strict=True)]
    return f"{np.mean(np.abs(wrong)):.1f} % of {len(wrong)}, mean error {np.mean(wrong):+.1f} %"


def main() -> None:
    """Prints the constants and the errors by model."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    asked = list(fastertransformer.requests(parser.parse_args().folder))
    pairs = [(r, t) for r, t in zip(asked, terms(asked, fastertransformer.TARGET), strict=True) if isinstance(t, Terms)]
    used = [(r, t) for r, t in pairs if not r.held_out]
    runtime = fit([r for r, _ in used], [t for _, t in used])
    for name in Runtime.__slots__:
        print(f"{name}: {getattr(runtime, name):.3g}")
    for model in dict.fromkeys(r.model for r, _ in pairs):
        chosen = [(r, t) for r, t in pairs if r.model == model]
        side = "held out" if chosen[0][0].held_out else "fitted"
        print(f"# {model} ({side}): {errors([r for r, _ in chosen], [t for _, t in chosen], runtime)}")
    apart = [(r, t) for r, t in pairs if r.held_out]
    print(f"# all held out: {errors([r for r, _ in apart], [t for _, t in apart], runtime)}")


if __name__ == "__main__":
    main()
