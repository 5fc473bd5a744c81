"""What a coordinator asks of those who run pieces, and what they answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from mapper.runtime.tensors import Shape


class Bound(NamedTuple):
    """A tensor in shared memory: its offset and room there, its number type as onnx.TensorProto counts them, its
    shape."""

    offset: int
    size: int
    code: int
    shape: Shape


class Job(NamedTuple):
    """A run of a step. step: its number in the setup. outputs: where they go, in the shapes expected."""

    id: int
    step: int
    inputs: tuple[Bound, ...]
    outputs: tuple[Bound, ...]


class Done(NamedTuple):
    """A run that ended; times by the system's monotonic clock. place: who ran it, by number."""

    id: int
    place: int
    start_ns: int
    end_ns: int


class Unfit(NamedTuple):
    """A run whose outputs have other shapes than expected: they wait for room (code, shape, bytes of each)."""

    id: int
    place: int
    start_ns: int
    end_ns: int
    outputs: tuple[tuple[int, Shape, int], ...]


@dataclass(frozen=True)
class StepLine:
    """A step as a worker knows it: the number of its piece, and names of the tensors there."""

    piece: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Setup:
    """What one worker runs and how. label: who it is, for messages. pieces: paths. threads: of one operator. optimize:
    whether onnxruntime may fuse. cuda: whether to use a GPU. cores: those to run on, all if empty."""

    label: str
    pieces: tuple[str, ...]
    steps: tuple[StepLine, ...]
    threads: int = 1
    optimize: bool = False
    cuda: bool = False
    cores: tuple[int, ...] = ()


class Executor(Protocol):
    """Runs jobs at places; each place one after the other."""

    providers: Sequence[Sequence[str]]
    """By place, for each of its pieces the first provider of onnxruntime that it uses."""

    def submit(self, place: int, job: Job) -> None:
        """Have it run after what was submitted before."""

    def store(self, place: int, job: int, offsets: Sequence[int]) -> None:
        """Where outputs of an unfit run go; Done follows."""

    def results(self) -> Sequence[Done | Unfit]:
        """What ended; waits for one at least. Raises MapperError for a step that failed or a worker that died."""
