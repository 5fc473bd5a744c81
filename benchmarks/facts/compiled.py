"""Rows that nothing was fitted for: whole models through compile on the stated workload."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import onnx

from benchmarks.decoders import priced, whole
from benchmarks.end_to_end import LAYER_TARGETS, layer_seconds
from benchmarks.facts.requests import KIPPLY, OPT_13B
from benchmarks.facts.rows import Answer, Fact, Kind, Uncovered
from benchmarks.forwards import passes
from benchmarks.measured import mlperf
from benchmarks.measured.forwards import NEUSIGHT, Forward
from benchmarks.measured.served import MODELS
from benchmarks.served_targets import on_cores
from mapper.compiler import compile
from mapper.cost.pricing import Pricer
from mapper.hw.load import load_target
from mapper.hw.target import Target
from mapper.hw.work import DType
from samples.models import bert, decoder, gpt2, sizes
from samples.models.bert import Bert
from samples.models.decoder import Decoder

LAYER_BAR = 0.06
"""The bar of docs/fidelity.md for the layer of GPT-3 through compile."""

SERVER_BAR = 0.20
"""The bar of docs/fidelity.md for throughput of servers."""

BATCHES = (1, 8, 32, 128)
"""Requests at a time that a CPU server may take where a row does not say how many; the best is told."""

SERVICE = "no bar: a service of the maker, whose schedule, queue and users are not published; ours is the machine alone"

GROQ, CONTEXT = "groq-576", 4096
"""The cluster of the rows of Groq, and tokens of context."""


def seconds_of_phases(
    model: onnx.ModelProto, target: str | Target, phases: Sequence[str], **options: Any
) -> dict[str, float]:
    """Seconds of one call of each phase, at the lowest latency."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(model.SerializeToString())
        made = compile(path, target, phases, objective="latency", **options)
    return {name: float(phase["latency_s"]) for name, phase in made.summary["phases"].items()}


def _layer(fact: Fact) -> Iterator[Answer | Uncovered]:
    for target, limit in zip(LAYER_TARGETS, (LAYER_BAR, None), strict=True):
        seconds = layer_seconds(load_target(target))
        yield Answer("layer, s", target, fact.numbers[0] * 1e-3, seconds, "compile", limit)


def _forward(fact: Fact) -> Iterator[Answer | Uncovered]:
    target, published = "a100-pcie-40", fact.numbers[0] * 1e-3
    asked = [Forward("neusight", target, target, NEUSIGHT["gpt2_large"], DType.F32, 4, 1024, published)]
    (found,) = passes(asked, asked[0].sizes, DType.F32, target, 0.0, Pricer())
    if isinstance(found, str):
        yield Uncovered(found)
    else:
        yield Answer("forward, s", target, published, found[0], "each node a kernel, as PyTorch")
    eager = ["all: batch=4 seq=1024 past=0"]
    whole_s = seconds_of_phases(gpt2.build(gpt2.LARGE), target, eager, precision="f32")["all"]
    yield Answer("forward, s", target, published, whole_s, "compile, which fuses")


def _thirteen(fact: Fact) -> Iterator[Answer | Uncovered]:
    prompt, token = (ms * 1e-3 for ms in fact.numbers)
    phases = ["prompt: batch=1 seq=512 past=0", "token: batch=1 seq=1 past=512"]
    found = seconds_of_phases(decoder.build(OPT_13B), "a100-40", phases)
    yield Answer("prompt, s", "a100-40", prompt, found["prompt"], "compile")
    yield Answer("token, s", "a100-40", token, found["token"], "compile")
    yield from KIPPLY.answers(fact)


def _encoder_on_cpus(fact: Fact) -> Iterator[Answer | Uncovered]:
    task = mlperf.TASKS["bert-99"]
    config = MODELS[task.model]
    assert isinstance(config, Bert)
    target = on_cores(load_target("xeon-6980p"))
    best = max(_encoded_per_s(config, target, batch, task.prompt) for batch in BATCHES)
    yield _of_sockets(fact, "requests/s", "xeon-6980p", best)


def _encoded_per_s(config: Bert, target: Target, batch: int, prompt: int) -> float:
    kernels = priced(bert.build(config), target, [f"all: batch={batch} seq={prompt}"], precision=DType.I8)["all"]
    return batch / sum(k.seconds for k in kernels)


def _decoder_on_cpus(fact: Fact) -> Iterator[Answer | Uncovered]:
    task = mlperf.TASKS["gptj-99"]
    config = MODELS[task.model]
    assert isinstance(config, Decoder)
    target = on_cores(load_target("xeon-8592"))
    best = max(_tokens_per_s(config, target, batch, task) for batch in BATCHES)
    yield _of_sockets(fact, "tokens/s", "xeon-8592", best)


def _tokens_per_s(config: Decoder, target: Target, batch: int, task: mlperf.Task) -> float:
    phases = [
        f"first: batch={batch} seq={task.prompt} past=0",
        f"later: batch={batch * task.beams} seq=1 past={task.prompt}..{task.prompt + task.tokens - 2}",
    ]
    found = whole(decoder.build(config), config.layers, target, phases, precision=DType.I8)
    return batch * task.tokens / (found["first"].seconds + (task.tokens - 1) * found["later"].seconds)


def _of_sockets(fact: Fact, what: str, target: str, per_socket: float) -> Answer:
    sockets = int(fact.columns["hardware"].split("x")[0])
    how = "kernels of compile in int8, the best batch"
    return Answer(what, f"{sockets} x {target}", fact.numbers[0], sockets * per_socket, how, SERVER_BAR)


def _one_user(config: Decoder) -> Callable[[Fact], Iterator[Answer | Uncovered]]:
    """Answers by the time of a token of a lone user on the cluster of Groq."""

    def answers(fact: Fact) -> Iterator[Answer | Uncovered]:
        target = load_target(GROQ)  # before the graph is built: it says so where there is none
        phases = [f"token: batch=1 seq=1 past={CONTEXT - 1}"]
        seconds = seconds_of_phases(decoder.build(config), target, phases)["token"]
        yield Answer("tokens/s of a user", GROQ, fact.numbers[0], 1 / seconds, "compile", note=SERVICE)

    return answers


LAYER = Kind(frozenset({"LC-prefill"}), _layer)
FORWARD = Kind(frozenset({"NS-gpt2l-A100"}), _forward)
THIRTEEN = Kind(frozenset({"KIPPLY-13B-1"}), _thirteen)
ENCODER_ON_CPUS = Kind(frozenset({"MLP-BERT-GNR"}), _encoder_on_cpus)
DECODER_ON_CPUS = Kind(frozenset({"MLP-GPTJ-EMR"}), _decoder_on_cpus)
GROQ_70B = Kind(frozenset({"GROQ-70B"}), _one_user(sizes.LLAMA2_70B))
GROQ_MIXTRAL = Kind(frozenset({"GROQ-Mixtral"}), _one_user(sizes.MIXTRAL_8X7B))
