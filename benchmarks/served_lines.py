"""Servers against measurements: rows of the table of benchmarks/fidelity.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.bars import Line
from benchmarks.end_to_end import parameters
from benchmarks.errors import Scored
from benchmarks.measured import mlperf, tensorrt_llm
from benchmarks.measured.served import Served
from benchmarks.power import board_of, running
from benchmarks.serving import Calls, Server, fastest, first_s, request_s, requests_per_s
from mapper.cost.pricing import main_units
from mapper.errors import MapperError
from mapper.hw.library import target_names
from mapper.hw.load import load_target
from samples.models.bert import Bert


def served_scored(folder: Path) -> Iterator[Scored]:
    """A line for each source, device, model and way to serve; GPUs that the library does not have are left out."""
    groups: dict[Line, list[Served]] = {}
    for row in (*tensorrt_llm.served(folder), *mlperf.served(folder)):
        if row.target in target_names():
            groups.setdefault(Line(row.source, row.device, op_of(row)), []).append(row)
    for line, rows in groups.items():
        yield _line(line, rows)


def op_of(row: Served) -> str:
    """The name of the row's line."""
    if row.first_s:
        return f"first token {row.model}"
    how = " with deadlines" if row.deadline else ""
    return f"serve {row.model}{how}" + (", best per joule" if row.limited else "")


def priced(row: Served) -> Calls | str:
    """The calls that serve a row, or why there is no price for them."""
    try:
        return fastest(row, server_of(row))
    except (MapperError, ValueError) as error:
        return str(error).splitlines()[0]


@cache
def _server(name: str) -> Server:
    return Server.load(name)


def server_of(row: Served) -> Server:
    """The server that the row ran."""
    return _server(row.software)


def ours(row: Served, calls: Calls) -> float:
    """Seconds of a request, of all GPUs together, or to its first token."""
    if row.first_s:
        return first_s(calls, server_of(row))
    board = board_of(row) if row.limited else None
    if board is None:
        return 1 / requests_per_s(row, calls, server_of(row))
    return 1 / running(row, calls, server_of(row), board).per_s


def _line(line: Line, rows: Sequence[Served]) -> Scored:
    found = [priced(row) for row in rows]
    seconds = np.array([row.first_s or 1 / row.per_s for row in rows])
    held_out = np.array([row.held_out for row in rows])
    nothing = np.full(len(rows), np.nan)
    why = next((f for f in found if isinstance(f, str)), "")
    if why:
        times = dict.fromkeys(("plain", "three", "ours"), nothing)
        return Scored(line, rows[0].target, seconds, held_out, times, nothing, why)
    pairs = [(row, f) for row, f in zip(rows, found, strict=True) if isinstance(f, Calls)]
    times = {
        "plain": np.array([_roofline(row, calls) for row, calls in pairs]),
        "three": nothing,
        "ours": np.array([ours(row, calls) for row, calls in pairs]),
    }
    band = np.array([_band(row, calls) for row, calls in pairs])
    within = (times["ours"] / (1 + band) <= seconds) & (seconds <= times["ours"] * (1 + band))
    return Scored(line, rows[0].target, seconds, held_out, times, within)


def _band(row: Served, calls: Calls) -> float:
    """The band of prompts and tokens by their time."""
    share = calls.prompt.seconds / request_s(row, calls, Server())
    return share * calls.prompt.band + (1 - share) * calls.step.band


def _roofline(row: Served, calls: Calls) -> float:
    """Two operations a weight and token at the peak, or the weights once a call, whichever is longer."""
    target = load_target(row.target)
    unit = main_units(target, row.weights)[0]
    config = row.config
    weights = 12 * config.layers * config.width**2 if isinstance(config, Bert) else parameters(config)
    peak, reading = unit.model.peak_ops_per_s()[row.weights], row.weights.bits / 8 * weights
    reading /= target.memory[unit.data].bandwidth_bytes_per_s
    prompts = max(2 * weights * row.prompt / peak, reading / calls.prompts)
    tokens = 0 if row.first_s else row.tokens
    whole = prompts + tokens * max(2 * weights * row.beams / peak, reading / calls.batch)
    return whole / calls.ranks if row.first_s else whole / row.gpus
