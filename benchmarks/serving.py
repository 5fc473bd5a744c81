"""Throughput of servers: batches that memory holds, prompts and tokens in turn, and what the runtime adds."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import yaml
from onnx import TensorProto

from benchmarks.decoders import Kernel, Priced, priced, whole
from benchmarks.end_to_end import parameters
from benchmarks.measured.served import Served
from benchmarks.served_targets import decoding, encoding
from mapper.cost.pricing import main_units
from mapper.hw.load import load_target
from mapper.hw.target import Target
from mapper.hw.work import DType
from samples.models import bert
from samples.models.bert import Bert
from samples.models.decoder import Decoder, build

RUNTIMES = Path(__file__).parent / "runtimes"

KEPT = 0.9
"""Part of the memory beside the weights that goes to the cache (kv_cache_free_gpu_mem_fraction of TensorRT-LLM)."""

MOST_REQUESTS = 2048
"""Most requests of a batch (max_batch_size of TensorRT-LLM)."""

MOST_TOKENS = 8192
"""Most tokens of prompts in one call (max_num_tokens of TensorRT-LLM)."""

RANKS = (1, 2, 4, 8)
"""Sizes of groups that servers divide a model among."""


@dataclass(frozen=True, slots=True)
class Part:
    """Kernels of a call on one rank: their time, that of experts' products in it, the time that waits for a memory
    whatever the clock, their launches, their dynamic energy, and in it that of the memory and of being busy."""

    seconds: float = 0.0
    experts_s: float = 0.0
    waiting_s: float = 0.0
    launches: float = 0.0
    joules: float = 0.0
    memory_j: float = 0.0
    active_j: float = 0.0
    band: float = 0.0

    def times(self, factor: float) -> Part:
        """So many of the call."""
        found = (self.seconds, self.experts_s, self.waiting_s, self.launches, self.joules, self.memory_j, self.active_j)
        return Part(*(factor * figure for figure in found), self.band)


@dataclass(frozen=True, slots=True)
class Calls:
    """One copy of a model on `ranks` in steady state: `batch` requests are answered at a time, a call serves `prompts`
    new ones or makes one token of each.

    prompt: of one new request. step: of a token of all, as the mean over an answer, whose first token comes with the
    prompt.
    """

    ranks: int
    batch: int
    prompts: int
    prompt: Part
    step: Part


@dataclass(frozen=True, slots=True)
class Server:
    """What a server adds to kernels. Fitted by benchmarks/fit_serving.py.

    call_s: once a call. row_s: once a call for each request of its batch. launch_s: for each kernel of a call that
    nothing precedes, as that of a lone first token. kernels: time of kernels over their prices; experts: the same of
    the products of experts, beside it. under_deadline: the part of the most requests a second that are done while each
    has a deadline; under_short_deadline: the same of encoders.
    """

    call_s: float = 0.0
    row_s: float = 0.0
    launch_s: float = 0.0
    kernels: float = 1.0
    experts: float = 1.0
    under_deadline: float = 1.0
    under_short_deadline: float = 1.0

    @classmethod
    def load(cls, name: str) -> Server:
        """The server in the file of that name."""
        found = yaml.safe_load((RUNTIMES / f"{name}.yaml").read_text(encoding="utf-8"))
        return cls(**{key: float(value) for key, value in found.items() if key != "source_of"})

    def seconds(self, part: Part) -> float:
        """Time of kernels under this server."""
        return self.kernels * (part.seconds + (self.experts - 1) * part.experts_s)


def request_s(asked: Served, calls: Calls, server: Server) -> float:
    """Time of one copy of the model for one request: its share of a call of prompts and of a call for each token."""
    prompts = server.seconds(calls.prompt) + server.call_s / calls.prompts
    steps = asked.tokens * ((server.seconds(calls.step) + server.call_s) / calls.batch + server.row_s)
    return prompts + steps


def requests_per_s(asked: Served, calls: Calls, server: Server) -> float:
    """Requests a second of all GPUs."""
    most = asked.gpus / calls.ranks / request_s(asked, calls, server)
    if not asked.deadline:
        return most
    return most * (server.under_deadline if asked.tokens else server.under_short_deadline)


def first_s(calls: Calls, server: Server) -> float:
    """Time to the first token of a request that is alone."""
    return server.seconds(calls.prompt) + server.call_s + server.launch_s * calls.prompt.launches


def fastest(asked: Served, server: Server) -> Calls:
    """The calls of as many ranks as told; where nothing is told, of as many as serve most requests a second.

    Raises ValueError where no number of ranks holds the model, MapperError as compile does.
    """
    choices = [asked.ranks] if asked.ranks else [n for n in RANKS if n <= asked.gpus]
    found = [made for n in choices if (made := calls(asked, n)) is not None]
    if not found:
        raise ValueError(f"{asked.model} does not fit {asked.gpus} x {asked.target}")
    return max(found, key=lambda made: requests_per_s(asked, made, server))


def calls(asked: Served, ranks: int) -> Calls | None:
    """The calls of one copy of the model on so many ranks; None where they do not hold it."""
    if isinstance(asked.config, Bert):
        return _encoder(asked.config, asked.target, asked.weights, asked.prompt)
    split = replace(asked.config, ranks=ranks)
    return _decoder(split, asked.target, asked.weights, asked.batch, asked.beams, asked.prompt, asked.tokens)


def decoder_calls(
    config: Decoder, target: Target, weights: DType, batch: int, beams: int, prompt: int, tokens: int
) -> Calls | None:
    """The calls of one copy of a decoder on a target; None where its ranks do not hold it. A batch of 0 is as many
    requests as memory holds."""
    machine = decoding(target, weights)
    held = batch or capacity(config, machine, weights, prompt + beams * tokens)
    if held < 1:
        return None
    rows = max(1, min(held, MOST_TOKENS // prompt))
    phases = [f"first: batch={rows} seq={prompt} past=0"]
    if tokens > 1:
        phases.append(f"later: batch={held * beams} seq=1 past={prompt}..{prompt + tokens - 2}")
    made = whole(build(replace(config, layers=2)), config.layers, machine, phases)
    step = _part(made["later"]).times((tokens - 1) / tokens) if tokens > 1 else Part()
    return Calls(config.ranks, held, rows, _part(made["first"]).times(1 / rows), step)


@cache
def _encoder(config: Bert, target: str, weights: DType, prompt: int) -> Calls:
    rows = max(1, MOST_TOKENS // prompt)
    machine = encoding(load_target(target), weights)
    kernels = priced(bert.build(config), machine, [f"all: batch={rows} seq={prompt}"])["all"]
    return Calls(1, rows, rows, _part(Priced((), kernels, 0)).times(1 / rows), Part())


@cache
def _decoder(
    config: Decoder, target: str, weights: DType, batch: int, beams: int, prompt: int, tokens: int
) -> Calls | None:
    return decoder_calls(config, load_target(target), weights, batch, beams, prompt, tokens)


def _part(call: Priced) -> Part:
    return Part(
        call.seconds,
        experts_s=call.sum(lambda k: k.seconds * _of_experts(k)),
        waiting_s=call.sum(lambda k: k.seconds * k.waits),
        launches=call.launches,
        joules=call.joules,
        memory_j=call.sum(lambda k: k.memory_j),
        active_j=call.sum(lambda k: k.active_j),
        band=call.band,
    )


def _of_experts(kernel: Kernel) -> bool:
    return "/experts/" in kernel.name and kernel.kind == "matmul"


def capacity(config: Decoder, target: Target, weights: DType, tokens: int) -> int:
    """Requests of so many cached tokens that fit beside the weights of one rank."""
    memory = target.memory[main_units(target, DType.F16)[0].data].capacity_bytes
    own = weights.bits / 8 * parameters(config) / config.ranks
    element = 1 if config.cache == TensorProto.FLOAT8E4M3FN else 2
    per_token = 2 * element * config.layers * config.own_kv_heads * config.size
    return min(MOST_REQUESTS, math.floor(KEPT * (memory - own) / (per_token * tokens)))
