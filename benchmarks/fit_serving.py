"""Fits what servers add to kernels, on the rows that may be used for it, and prints the files of the servers.

python -m benchmarks.fit_serving FOLDER

FOLDER is the folder of measured latencies. One constant after the other, each on the rows that tell it: the host's time
from TensorRT-LLM's tables, experts, deadlines and other servers from MLPerf. All errors are relative; the held-out side
is printed, never fitted.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.measured import mlperf, tensorrt_llm
from benchmarks.measured.served import Served
from benchmarks.serving import Calls, Server, fastest, first_s, request_s, requests_per_s

Pair = tuple[Served, Calls]

USUAL, OTHER = "tensorrt_llm", "vllm_rocm"


def fit(pairs: Sequence[Pair]) -> dict[str, Server]:
    """Both servers by name, from rows that are not held out and machines that were free to run at full power."""
    used = [(r, c) for r, c in pairs if not r.held_out and not r.limited]
    tables = [(r, c) for r, c in used if r.source == tensorrt_llm.SOURCE and r.per_s]
    usual = with_host(Server(), tables)
    firsts = [(r, c) for r, c in used if r.first_s]
    missing = [(r.first_s - first_s(c, usual)) / c.prompt.launches for r, c in firsts]
    usual = replace(usual, launch_s=max(0.0, float(np.median(missing)))) if firsts else usual
    known = [(r, c) for r, c in used if r.source == mlperf.SOURCE]
    mixed = _of(known, lambda r, c: c.prompt.experts_s > 0 and not r.deadline)
    usual = replace(usual, experts=_unbiased(usual, "experts", mixed))
    free, bound, quick = (
        _of(known, wanted)
        for wanted in (
            lambda r, c: bool(r.tokens) and not r.deadline,
            lambda r, c: bool(r.tokens) and r.deadline,
            lambda r, c: not r.tokens and r.deadline,
        )
    )
    usual = replace(
        usual,
        under_deadline=_bias(usual, bound) / _bias(usual, free),
        under_short_deadline=_bias(usual, quick) / _bias(usual, _of(known, lambda r, c: not (r.tokens or r.deadline))),
    )
    rest = [(r, c) for r, c in known if r.software == OTHER]
    other = replace(usual, kernels=_unbiased(usual, "kernels", [p for p in rest if not p[0].deadline]))
    late = [p for p in rest if p[0].deadline]
    other = replace(other, under_deadline=other.under_deadline * _bias(other, late)) if late else other
    return {USUAL: usual, OTHER: other}


def with_host(server: Server, pairs: Sequence[Pair]) -> Server:
    """The server with times of the host by least squares, none below 0."""
    whole = np.array([c.ranks and r.gpus / c.ranks / r.per_s for r, c in pairs])
    missing = 1 - np.array([request_s(r, c, server) for r, c in pairs]) / whole
    features = np.array([(r.tokens / c.batch + 1 / c.prompts, r.tokens) for r, c in pairs]) / whole[:, None]
    kept = [0, 1]
    while True:
        solved = np.linalg.lstsq(features[:, kept], missing, rcond=None)[0]
        if (solved >= 0).all():
            break
        kept.pop(int(np.argmin(solved * features[:, kept].mean(axis=0))))
    found = np.zeros(2)
    found[kept] = solved
    return replace(server, call_s=float(found[0]), row_s=float(found[1]))


def _of(pairs: Sequence[Pair], wanted: Callable[[Served, Calls], bool]) -> list[Pair]:
    return [(r, c) for r, c in pairs if r.software == USUAL and wanted(r, c)]


def _bias(server: Server, pairs: Sequence[Pair]) -> float:
    """Measured over ours, in the geometric mean; 1 without rows."""
    ratios = [r.per_s / requests_per_s(r, c, server) for r, c in pairs]
    return float(np.exp(np.mean(np.log(ratios)))) if ratios else 1.0


def _unbiased(server: Server, name: str, pairs: Sequence[Pair]) -> float:
    """The constant at which those rows have no bias: between 1 and 10, by halves."""
    low, high = 1.0, 10.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if _bias(replace(server, **{name: middle}), pairs) < 1 else (low, middle)
    return low if pairs else 1.0


def errors(pairs: Sequence[Pair], servers: dict[str, Server]) -> str:
    """Mean absolute and mean error, in percent."""
    wrong = np.array([100 * (requests_per_s(r, c, servers[r.software]) / r.per_s - 1) for r, c in pairs])
    if not len(wrong):
        return "no rows"
    return f"{np.abs(wrong).mean():.1f} % of {len(wrong)}, mean error {wrong.mean():+.1f} %"


def main() -> None:
    """Prints the constants and the errors by source, device and model."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    rows = [*tensorrt_llm.served(folder), *mlperf.served(folder)]
    pairs = [(r, fastest(r, Server())) for r in rows]
    servers = fit(pairs)
    for name, server in servers.items():
        print(f"# {name}.yaml")
        print(*(f"{field}: {getattr(server, field):.3g}" for field in Server.__slots__), sep="\n")
    timed = [(r, c) for r, c in pairs if r.per_s and not r.limited]
    lines = sorted({(r.held_out, r.source, r.device, r.model, r.deadline) for r, _ in timed})
    for held_out, source, device, model, deadline in lines:
        key = (held_out, source, device, model, deadline)
        chosen = [(r, c) for r, c in timed if (r.held_out, r.source, r.device, r.model, r.deadline) == key]
        how = "with deadlines" if deadline else ""
        print(f"# {'held out' if held_out else 'fitted'}: {source} {device} {model} {how} {errors(chosen, servers)}")
    for side, name in ((False, "fitted"), (True, "held out")):
        print(f"# all {name}: {errors([p for p in timed if p[0].held_out is side], servers)}")


if __name__ == "__main__":
    main()
