"""Power of servers at the wall, and the clock at which they serve most requests for a joule."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import yaml

from benchmarks.measured.served import Served
from benchmarks.serving import Calls, Server, request_s, requests_per_s
from mapper.cost.pricing import main_units
from mapper.hw.load import load_target
from mapper.hw.target import Target
from targets.models.gpu import Gpu

FILE = Path(__file__).parent / "runtimes" / "power.yaml"

CLOCKS = np.linspace(1.0, 0.4, 61)
"""Clocks that are tried, as parts of the one under full load; below the least the voltage does not fall any more."""


@dataclass(frozen=True, slots=True)
class Board:
    """Power of one GPU with its memory: the limit, at rest, and beyond that while it is busy; and of its whole machine
    at rest."""

    limit_w: float
    idle_w: float
    active_w: float
    machine_w: float

    @property
    def most_w(self) -> float:
        """What the limit leaves for work."""
        return self.limit_w - self.idle_w


@dataclass(frozen=True, slots=True)
class Running:
    """A machine that serves: its clock as a part of the one under full load, requests a second, watts at the wall."""

    clock: float
    per_s: float
    watts: float

    @property
    def joules(self) -> float:
        """Energy at the wall of one request."""
        return self.watts / self.per_s


@dataclass(frozen=True, slots=True)
class Demand:
    """What one request asks of one GPU: seconds at full clock, those of the host and those that wait for a memory in
    them, joules of operations at full voltage and of the memory."""

    seconds: float
    host_s: float
    waiting_s: float
    operations_j: float
    memory_j: float


def board_of(asked: Served) -> Board | None:
    """The board that serves and its machine; None where the library does not know its power."""
    target = load_target(asked.target)
    unit = main_units(target, asked.weights)[0]
    if not isinstance(unit.model, Gpu) or not unit.model.board_power_w:
        return None
    idle_w = unit.model.idle_power_w + target.memory[unit.data].idle_power_w
    machine = _machine(target, asked.gpus)
    return Board(unit.model.board_power_w, idle_w, unit.model.active_w, machine.idle_power_w)


def _machine(target: Target, gpus: int) -> Target:
    """The system that several GPUs of a target form, where several serve."""
    return load_target(target.system) if gpus > 1 and target.system else target


@cache
def volts_by_clock() -> float:
    """The part of the voltage that goes with all of the clock, by the file beside the servers'."""
    return float(yaml.safe_load(FILE.read_text(encoding="utf-8"))["volts_by_clock"])


def demand(asked: Served, calls: Calls, server: Server) -> Demand:
    """One request's share of the calls, on one of the ranks that serve it, as if it had all of them to itself."""
    whole = request_s(asked, calls, server)
    parts = [(calls.prompt, 1.0), (calls.step, asked.tokens / calls.batch)]
    kernels = sum(share * server.seconds(part) for part, share in parts)
    waiting = sum(share * server.kernels * part.waiting_s for part, share in parts)
    memory = sum(share * part.memory_j for part, share in parts)
    operations = sum(share * (part.joules - part.memory_j - part.active_j) for part, share in parts)
    return Demand(whole, whole - kernels, waiting, operations, memory)


def running(asked: Served, calls: Calls, server: Server, board: Board, volts: float | None = None) -> Running:
    """The machine under full load, or at the clock of most requests for a joule where its power is limited by choice.

    Dynamic energy goes with the square of the voltage, and the voltage falls in proportion with the clock; memories
    keep theirs. The clock under full load is one that the limit of the board allows.
    """
    need, most = demand(asked, calls, server), requests_per_s(asked, calls, server)
    clocks = CLOCKS if asked.limited else CLOCKS[:1]
    busy = need.seconds - need.host_s - need.waiting_s
    longer = (busy / clocks + need.waiting_s + need.host_s) / need.seconds
    voltage = 1 - (volts_by_clock() if volts is None else volts) * (1 - clocks)
    per_s = most / longer
    full = need.operations_j + board.active_w * (need.seconds - need.host_s)
    within = min(1.0, max(0.0, board.most_w * need.seconds - need.memory_j) / full)
    active = board.active_w * clocks * (longer * need.seconds - need.host_s)
    joules = within * voltage**2 * (need.operations_j + active) + need.memory_j
    watts = board.machine_w + calls.ranks * per_s * joules
    best = int(np.argmax(per_s / watts))
    return Running(float(clocks[best]), float(per_s[best]), float(watts[best]))
