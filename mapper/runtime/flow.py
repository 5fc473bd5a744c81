"""The dataflow of requests: a step runs when what it reads is there, for the oldest request first."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mapper.emit.counting import Counted, uncounted
from mapper.runtime.jobs import Bound, Done, Executor, Job, Unfit
from mapper.runtime.memory import Arena, Block
from mapper.runtime.program import Part, Program
from mapper.runtime.tensors import Array, Shape, fitted, spelled

DEPTH = 2
"""Jobs that a place has at once: the next one waits there while one runs, so that no place waits for messages."""


@dataclass(frozen=True)
class CallTime:
    """A call of a request, from its first step's readiness to its last one's end."""

    request: int
    part: int
    call: int
    start_ns: int
    end_ns: int


@dataclass(frozen=True)
class StepTime:
    """A step of a call, as its worker measured it. place: its number."""

    request: int
    part: int
    call: int
    step: int
    place: int
    start_ns: int
    end_ns: int


@dataclass
class Record:
    """What happened. requests: start and end of each, by number. unfit: values whose shape was not that of the plan.
    refitted: states that were cut or filled up between calls. live: bytes of values in shared memory at moments."""

    calls: list[CallTime] = field(default_factory=list)
    steps: list[StepTime] = field(default_factory=list)
    requests: dict[int, tuple[int, int]] = field(default_factory=dict)
    unfit: dict[str, str] = field(default_factory=dict)
    refitted: dict[str, str] = field(default_factory=dict)
    live: list[tuple[int, int]] = field(default_factory=list)


@dataclass
class _Call:
    """A call under way."""

    index: int
    start_ns: int
    waiting: list[int]
    left: int
    blocks: dict[int, Block]
    shapes: tuple[Shape, ...]


@dataclass
class _Request:
    number: int
    at: int = 0
    start_ns: int = 0
    call: _Call | None = None
    states: dict[str, Block] = field(default_factory=dict)
    handed: dict[str, Block] = field(default_factory=dict)


Inputs = Callable[[int, int, str], Array]
"""An input of a call: of request, place of the call in the program, name."""
Take = Callable[[int, int, Mapping[str, Array]], None]
"""Gets results of a call: request, place of the call in the program, a view of each result that is valid until it
returns."""


class Flow:
    """Brings requests through a program. arena: where values live. inputs: what requests bring. take: who wants
    results, if any. count: who is told how many calls are done."""

    def __init__(
        self,
        program: Program,
        executor: Executor,
        arena: Arena,
        inputs: Inputs,
        take: Take | None = None,
        count: Counted = uncounted,
    ) -> None:
        self.count, self._calls_done = count, 0
        self.program, self.executor, self.arena = program, executor, arena
        self.inputs, self.take = inputs, take
        self.record = Record()
        self._where = program.where
        self._first = list(_starts(program))
        self._shapes: dict[tuple[int, int], tuple[Shape, ...]] = {}
        self._queues: list[list[tuple[int, int, int]]] = [[] for _ in program.places]
        self._busy = [0] * len(program.places)
        self._jobs: dict[int, tuple[_Request, int, list[Block]]] = {}
        self._next_job = 0
        self._requests: dict[int, _Request] = {}

    def run(self, requests: Sequence[int], inflight: int) -> Record:
        """Bring these requests through, so many at once."""
        waiting = list(reversed(requests))
        while waiting or self._requests:
            while waiting and len(self._requests) < inflight:
                self._start(waiting.pop())
            if not self._requests:
                break
            self._dispatch()
            for result in self.executor.results():
                if isinstance(result, Unfit):
                    self._store(result)
                else:
                    self._ended(result)
        return self.record

    def _start(self, number: int) -> None:
        request = _Request(number, start_ns=time.monotonic_ns())
        self._requests[number] = request
        self._begin(request)

    def _begin(self, request: _Request) -> None:
        """The next call of a request: its inputs and states, and the steps that can run at once."""
        index, call = self.program.calls[request.at]
        part = self.program.parts[index]
        if (index, call) not in self._shapes:
            self._shapes[index, call] = part.shapes(call)
        shapes = self._shapes[index, call]
        needs = [len(set(values)) for values in part.reads]
        request.call = _Call(index, time.monotonic_ns(), needs, len(needs), {}, shapes)
        self._give(request, part, shapes)
        for step, need in enumerate(part.reads):
            if not need:
                self._ready(request, step)
        for value in list(request.call.blocks):
            self._there(request, part, value)
        if not part.line.steps:
            self._finish(request)

    def _give(self, request: _Request, part: Part, shapes: tuple[Shape, ...]) -> None:
        call = request.call
        assert call is not None
        label = part.line.file
        for line in part.line.inputs:
            value = part.number[line.value]
            source = self.program.handed.get(f"{label}/{line.value}", "")
            if source in request.handed:
                call.blocks[value] = self._of_shape(request.handed[source], shapes[value], line.value, part)
            else:
                array = self.inputs(request.number, request.at, line.value)
                call.blocks[value] = self._filled(part, value, array)
        for state in part.line.states:
            if state.past not in part.number:
                continue
            value = part.number[state.past]
            if state.name in request.states:
                call.blocks[value] = self._of_shape(request.states[state.name], shapes[value], state.past, part)
            else:
                array = self.inputs(request.number, request.at, state.past)
                call.blocks[value] = self._filled(part, value, array)
                call.blocks[value].users += 1
                request.states[state.name] = call.blocks[value]
        for value, block in call.blocks.items():
            block.users += len(part.readers[value]) + 1

    def _filled(self, part: Part, value: int, array: Array) -> Block:
        block = self.arena.block(part.kinds[value], array.shape)
        self.arena.memory.put(block.offset, array)
        return block

    def _of_shape(self, block: Block, shape: Shape, name: str, part: Part) -> Block:
        """A state as a call takes it: the very block, or a copy cut or filled up, which is told."""
        if block.shape == shape or len(block.shape) != len(shape):
            return block
        words = f"{spelled(block.shape)} made {spelled(shape)}"
        self.record.refitted.setdefault(f"{part.line.name}: {name}", words)
        found = self.arena.block(block.kind, shape)
        self.arena.memory.put(
            found.offset, fitted(self.arena.memory.array(block.offset, block.kind, block.shape), shape)
        )
        return found

    def _there(self, request: _Request, part: Part, value: int) -> None:
        call = request.call
        assert call is not None
        for step in part.readers[value]:
            call.waiting[step] -= 1
            if not call.waiting[step]:
                self._ready(request, step)

    def _ready(self, request: _Request, step: int) -> None:
        call = request.call
        assert call is not None
        place = self._where[call.index][step][0]
        heapq.heappush(self._queues[place], (request.number, self._first[request.at] + step, step))

    def _dispatch(self) -> None:
        """Steps to the least busy copy of their place: values lie where all can reach them."""
        for first, queue in enumerate(self._queues):
            copies = range(first, first + self.program.copies[first])
            while queue and self._busy[place := min(copies, key=self._busy.__getitem__)] < DEPTH:
                number, _, step = heapq.heappop(queue)
                self._submit(place, self._requests[number], step)

    def _submit(self, place: int, request: _Request, step: int) -> None:
        call = request.call
        assert call is not None
        part = self.program.parts[call.index]
        made = [self.arena.block(part.kinds[v], call.shapes[v]) for v in part.makes[step]]
        inputs = tuple(_bound(call.blocks[v]) for v in part.reads[step])
        job = Job(self._next_job, self._where[call.index][step][1], inputs, tuple(map(_bound, made)))
        self._next_job += 1
        self._jobs[job.id] = (request, step, made)
        self._busy[place] += 1
        self._note_live()
        self.executor.submit(place, job)

    def _note_live(self) -> None:
        """How much is in use now, for the trace."""
        self.record.live.append((time.monotonic_ns(), self.arena.size - self.arena.free_bytes))

    def _store(self, result: Unfit) -> None:
        """Room for outputs of other shapes than the plan has."""
        request, step, made = self._jobs[result.id]
        call = request.call
        assert call is not None
        part = self.program.parts[call.index]
        for k, (_, shape, _) in enumerate(result.outputs):
            value = part.makes[step][k]
            if shape != made[k].shape:
                words = f"{spelled(shape)}, not {spelled(made[k].shape)} as planned"
                self.record.unfit.setdefault(f"{part.line.name}: {part.line.values[value].name}", words)
                self.arena.free(made[k])
                made[k] = self.arena.block(part.kinds[value], shape)
        self.executor.store(result.place, result.id, [block.offset for block in made])

    def _ended(self, result: Done) -> None:
        request, step, made = self._jobs.pop(result.id)
        call = request.call
        assert call is not None
        part = self.program.parts[call.index]
        self._busy[result.place] -= 1
        number = self.program.calls[request.at][1]
        self.record.steps.append(
            StepTime(request.number, call.index, number, step, result.place, result.start_ns, result.end_ns)
        )
        for value in set(part.reads[step]):
            self._release(call.blocks[value])
        for value, block in zip(part.makes[step], made, strict=True):
            block.users = len(part.readers[value]) + 1
            call.blocks[value] = block
            self._there(request, part, value)
            if value not in part.results:
                self._release(block)
        self._note_live()
        call.left -= 1
        if not call.left:
            self._finish(request)

    def _release(self, block: Block) -> None:
        block.users -= 1
        if not block.users:
            self.arena.free(block)

    def _finish(self, request: _Request) -> None:
        """The end of a call: results are taken, states handed on, the rest given back."""
        call = request.call
        assert call is not None
        part, end = self.program.parts[call.index], time.monotonic_ns()
        number = self.program.calls[request.at][1]
        self.record.calls.append(CallTime(request.number, call.index, number, call.start_ns, end))
        self._calls_done += 1
        self.count("calls", self._calls_done, 0)
        if self.take is not None:
            found = {part.line.values[v].name: call.blocks[v] for v in part.results}
            memory = self.arena.memory
            self.take(
                request.number, request.at, {n: memory.array(b.offset, b.kind, b.shape) for n, b in found.items()}
            )
        self._hand_on(request, part, call)
        for value in {*part.given, *part.results} & call.blocks.keys():
            self._release(call.blocks[value])
        request.call = None
        request.at += 1
        if request.at < len(self.program.calls):
            self._begin(request)
        else:
            self._leave(request, end)

    def _hand_on(self, request: _Request, part: Part, call: _Call) -> None:
        for state in part.line.states:
            if state.present in part.number:
                self._keep(request.states, state.name, call.blocks[part.number[state.present]])
        for name in part.line.outputs:
            whole = f"{part.line.file}/{name}"
            if whole in self.program.results_wanted:
                self._keep(request.handed, whole, call.blocks[part.number[name]])

    def _keep(self, kept: dict[str, Block], name: str, block: Block) -> None:
        block.users += 1
        if name in kept:
            self._release(kept[name])
        kept[name] = block

    def _leave(self, request: _Request, end: int) -> None:
        for block in (*request.states.values(), *request.handed.values()):
            self._release(block)
        del self._requests[request.number]
        self.record.requests[request.number] = (request.start_ns, end)


def _bound(block: Block) -> Bound:
    return Bound(block.offset, block.size, block.kind.code, block.shape)


def _starts(program: Program) -> Iterator[int]:
    """How many steps stand before each call of the program: the order in which a request's steps queue."""
    count = 0
    for index, _ in program.calls:
        yield count
        count += len(program.parts[index].line.steps)
