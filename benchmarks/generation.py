"""Latency of whole requests to a decoder: kernels of prompt and tokens, and what the runtime adds between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from benchmarks.decoders import Priced, whole
from benchmarks.measured.fastertransformer import Request
from mapper.errors import MapperError
from mapper.hw.curves import Measured
from mapper.hw.load import load_target
from mapper.hw.target import Target
from passes.pipelines import GRAPH
from samples.models.decoder import Decoder, build, build_prompt

ONE_NODE, NODES = 8, "superpod-a100"
"""GPUs of one node, and the system of more."""

RUNTIMES = Path(__file__).parent / "runtimes"

APART = f"{GRAPH},partition-ops,options"
"""Each op a kernel of its own, as a runtime without a compiler launches them."""

IN_PIECES = APART.replace("fuse-attention,", "")
"""The same with scores, softmax and context apart, as FasterTransformer runs a prompt."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """What a runtime adds to kernels. Fitted by benchmarks/fit_runtime.py.

    launch_gap_s: between a kernel and the next one. start_s: once a request. start_per_doubling_s: once a request for
    each doubling of the processes that start it together. draw_s_per_row: to draw one token, for each row of the batch.
    """

    launch_gap_s: float
    start_s: float
    start_per_doubling_s: float
    draw_s_per_row: float

    @classmethod
    def load(cls, name: str) -> Runtime:
        """The runtime in the file of that name."""
        found = yaml.safe_load((RUNTIMES / f"{name}.yaml").read_text(encoding="utf-8"))
        return cls(**{key: float(value) for key, value in found.items() if key != "source_of"})


@dataclass(frozen=True, slots=True)
class Terms:
    """What a request's latency is made of: seconds of kernels and of the runtime's terms how many there are."""

    kernels_s: float
    band: float
    launches: float
    doublings: float
    rows_drawn: int

    def seconds(self, runtime: Runtime) -> float:
        """The latency under a runtime."""
        added = runtime.launch_gap_s * self.launches + runtime.draw_s_per_row * self.rows_drawn
        return self.kernels_s + added + runtime.start_s + runtime.start_per_doubling_s * self.doublings


def terms(asked: Sequence[Request], target: str) -> list[Terms | str]:
    """For each request its terms, or why the target has no price for it; requests to one model are priced together."""
    groups: dict[Decoder, list[int]] = {}
    for i, request in enumerate(asked):
        groups.setdefault(request.config, []).append(i)
    found: dict[int, Terms | str] = {}
    for config, indices in groups.items():
        chosen = [asked[i] for i in indices]
        try:
            made: list[Terms] | list[str] = _of_model(config, chosen, grouped(target, config.ranks))
        except (MapperError, ValueError) as error:  # a system too small, or ranks that do not divide the heads
            made = [str(error).splitlines()[0]] * len(chosen)
        found.update(zip(indices, made, strict=True))
    return [found[i] for i in range(len(asked))]


def grouped(name: str, ranks: int) -> Target:
    """The target with the smallest system for so many ranks, whose all-reduces are NCCL's, as FasterTransformer calls
    them unless told otherwise."""
    target = load_target(name)
    if ranks < 2:
        return target
    system = load_target(target.system if ranks <= ONE_NODE else NODES)
    return replace(target, group=replace(system, collectives=_library_only(system.collectives)))


def _library_only(measured: Measured | None) -> Measured | None:
    if measured is None:
        return None
    curves = tuple(c for c in measured.curves if not c.kind.startswith("custom"))
    return replace(measured, curves=curves, like=_library_only(measured.like))


def _of_model(config: Decoder, asked: Sequence[Request], target: Target) -> list[Terms]:
    """The first token comes with the prompt; each further one is a call of its own."""
    two = replace(config, layers=2)
    prompts = [f"{i}: batch={_micro(r)[1]} seq={r.prompt}" for i, r in enumerate(asked)]
    steps = [
        f"{i}: batch={_micro(r)[1]} seq=1 past={r.prompt}..{r.prompt + max(r.tokens, 2) - 2}"
        for i, r in enumerate(asked)
    ]
    first = whole(build_prompt(two), config.layers, target, prompts, pipeline=IN_PIECES)
    later = whole(build(two), config.layers, target, steps, pipeline=APART)
    return [_terms(r, first[str(i)], later[str(i)]) for i, r in enumerate(asked)]


def _micro(request: Request) -> tuple[int, int]:
    """Parts that a batch is cut into to fill the stages of a pipeline, and the rows of each."""
    parts = request.stages if request.batch % request.stages == 0 else 1
    return parts, request.batch // parts


def _terms(request: Request, first: Priced, later: Priced) -> Terms:
    """Parts follow one another through the stages: with p parts and s stages (p + s - 1) / s times one part's time."""
    parts, _ = _micro(request)
    passes, steps = (parts + request.stages - 1) / request.stages, request.tokens - 1
    kernels = passes * (first.seconds + steps * later.seconds)
    band = (first.seconds * first.band + steps * later.seconds * later.band) / (first.seconds + steps * later.seconds)
    return Terms(
        kernels,
        band,
        passes * (first.launches + steps * later.launches),
        math.log2(request.config.ranks * request.stages),
        request.tokens * request.batch if request.sampled else 0,
    )
