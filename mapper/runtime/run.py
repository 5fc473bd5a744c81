"""`run`: requests go through an emitted plan."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mapper.emit.counting import Counted, uncounted
from mapper.emit.manifest import Manifest, load
from mapper.errors import UsageError
from mapper.runtime.flow import Flow, Inputs, Record, Take
from mapper.runtime.jobs import Setup, StepLine
from mapper.runtime.local import Local
from mapper.runtime.memory import Arena
from mapper.runtime.pieces import check_pieces
from mapper.runtime.processes import Workers
from mapper.runtime.program import Program, program_of
from mapper.runtime.sessions import CUDA, has_cuda, require
from mapper.runtime.speed import Watch

WorkerKind = Literal["process", "none"]


@dataclass(frozen=True)
class Settings:
    """How to run. inflight: requests at once, 0 for as many as the plan has. threads: of one operator. pin: each worker
    on a core of its own."""

    workers: WorkerKind = "process"
    requests: int = 1
    inflight: int = 0
    threads: int = 1
    optimize: bool = False
    pin: bool = False

    def at_once(self, manifest: Manifest) -> int:
        """Requests on their way together."""
        return min(self.requests, self.inflight or manifest.inflight)


@dataclass(frozen=True)
class Emitted:
    """An emitted folder, checked, and its program."""

    folder: Path
    manifest: Manifest
    program: Program


def opened(folder: Path, how: Settings | None = None, calls: int = 0) -> Emitted:
    """The folder, after all checks; calls: of each phase at most, 0 for all. Units have copies where `how` has requests
    for them. Raises MapperError for what is wrong."""
    manifest = load(folder)
    program = program_of(manifest, how.at_once(manifest) if how else 1)
    check_pieces(folder, manifest)
    return Emitted(folder, manifest, program.at_most(calls) if calls else program)


@dataclass(frozen=True)
class Ran:
    """A run. providers: by place and piece, the first that it ran with. inflight: requests that were on their way at
    once. probes: times of the speed probe, where the plan's target was measured on this machine."""

    record: Record
    providers: Sequence[Sequence[str]]
    inflight: int
    pinned: bool
    notes: tuple[str, ...]
    probes: tuple[float, ...] = ()

    @property
    def on_gpu(self) -> bool:
        """Whether any piece ran on a GPU."""
        return any(CUDA in found for found in self.providers)


def run(emitted: Emitted, how: Settings, inputs: Inputs, take: Take | None = None, count: Counted = uncounted) -> Ran:
    """Bring requests through the plan. A first one for each copy, with a call of each phase,
    warms up and is not counted. count is told how many calls are done.

    Raises MapperError for a step that fails, a worker that dies, memory that is full.
    """
    require()
    count("starting", 0, 0)
    setups, pinned, notes = _setups(emitted, how)
    inflight = how.at_once(emitted.manifest)
    arena = Arena()
    try:
        with _executor(how.workers, setups, arena) as executor:
            notes += _dropped(emitted, executor.providers, setups)
            warm = Flow(emitted.program.at_most(1), executor, arena, _first_calls(emitted.program, inputs))
            count("warming up", 0, 0)
            copies = max(emitted.program.copies, default=1)
            warm.run(range(copies), copies)
            total = how.requests * len(emitted.program.calls)
            flow = Flow(emitted.program, executor, arena, inputs, take, lambda what, done, _: count(what, done, total))
            watch = Watch(emitted.manifest, setups, here_alone=how.workers == "none")
            watch.look()
            for together in _turns(how.requests, inflight):
                flow.run(together, inflight)
                watch.look()
            return Ran(flow.record, executor.providers, inflight, pinned, tuple(notes), tuple(watch.seconds))
    finally:
        arena.close()


def _turns(requests: int, inflight: int) -> Sequence[range]:
    """Requests between two looks at the machine's speed: each by itself where they go one after the other."""
    return [range(k, k + 1) for k in range(requests)] if inflight == 1 else [range(requests)]


def _first_calls(program: Program, inputs: Inputs) -> Inputs:
    """Inputs for a program with one call of each phase."""
    places = [at for at, (_, call) in enumerate(program.calls) if not call]
    return lambda request, call, name: inputs(request, places[call], name)


def _executor(kind: WorkerKind, setups: Sequence[Setup], arena: Arena) -> AbstractContextManager[Workers | Local]:
    return Workers(setups, arena.memory) if kind == "process" else Local(setups, arena.memory)


def _setups(emitted: Emitted, how: Settings) -> tuple[list[Setup], bool, list[str]]:
    """Who runs what, by place; whether each has a core of its own; and what is not as the plan has it."""
    program, manifest = emitted.program, emitted.manifest
    steps: list[list[StepLine]] = [[] for _ in program.places]
    pieces: list[dict[str, int]] = [{} for _ in program.places]
    for part, where in zip(program.parts, program.where, strict=True):
        for step, (place, _) in zip(part.line.steps, where, strict=True):
            number = pieces[place].setdefault(step.piece, len(pieces[place]))
            line = StepLine(number, tuple(p.name for p in step.inputs), tuple(p.name for p in step.outputs))
            steps[place].append(line)
    for place, count in enumerate(program.copies):
        for copy in range(place + 1, place + count):
            steps[copy], pieces[copy] = steps[place], pieces[place]
    gpus = {u.name for u in manifest.units if u.family == "gpu"}
    cuda = bool(gpus) and has_cuda()
    notes = [f"no GPU for {', '.join(sorted(gpus))}: onnxruntime has no CUDA here, pieces of it ran on the CPU"]
    cores = _cores(len(program.places), how)
    setups = [
        Setup(
            label=str(place),
            pieces=tuple(str(emitted.folder / name) for name in pieces[k]),
            steps=tuple(steps[k]),
            threads=how.threads,
            optimize=how.optimize,
            cuda=cuda and place.unit in gpus,
            cores=cores[k],
        )
        for k, place in enumerate(program.places)
    ]
    return setups, any(cores), notes if gpus and not cuda else []


def _cores(places: int, how: Settings) -> list[tuple[int, ...]]:
    """A core for each worker where that is wanted; else the system deals them out. Not by default: on a virtual machine
    to hand on between two sleeping cores took 0.5 ms, with the system's choice 0.12 ms."""
    there = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if how.workers == "none" or not how.pin:
        return [()] * places
    if places * how.threads > len(there):
        raise UsageError(f"--pin: {places} workers of {how.threads} threads, but {len(there)} cores")
    return [tuple(there[k * how.threads : (k + 1) * how.threads]) for k in range(places)]


def _dropped(emitted: Emitted, providers: Sequence[Sequence[str]], setups: Sequence[Setup]) -> list[str]:
    """Pieces that onnxruntime put on the CPU although a GPU was asked for."""
    lost = [
        f"{sum(p != CUDA for p in found)} of {len(found)} pieces of {place}"
        for place, found, s in zip(emitted.program.places, providers, setups, strict=True)
        if s.cuda and any(p != CUDA for p in found)
    ]
    return [f"no GPU for {', '.join(lost)}: onnxruntime could not use CUDA, they ran on the CPU"] if lost else []
