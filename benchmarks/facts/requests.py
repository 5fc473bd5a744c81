"""Requests to GPT models on FasterTransformer: kernels and what the runtime adds (benchmarks/generation.py)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from benchmarks.facts.rows import Answer, Fact, Kind, Uncovered
from benchmarks.generation import Runtime, Terms, terms
from benchmarks.measured import fastertransformer
from benchmarks.measured.fastertransformer import FITTED_MODELS, Request
from samples.models.decoder import Decoder

BAR = 0.10
"""The bar of docs/fidelity.md for GPT end to end."""

GPT = Decoder("gpt-175b", layers=96, width=12288, heads=96, inner=49152)

MODELS = {
    "GPT-3 175B": ("GPT-175B", GPT),
    "GPT 20B": ("GPT-20B", replace(GPT, layers=44, width=6144, heads=48, inner=24576)),
    "GPT-2-medium class 350M": ("GPT-350M", replace(GPT, layers=24, width=1024, heads=16, inner=4096)),
    "Megatron 530B": ("GPT-530B", replace(GPT, layers=105, width=20480, heads=128, inner=81920)),
}
"""Sizes by the rows' names: 175B and 350M as FasterTransformer's tables give them, 20B and 530B recalled."""

OPT_13B = replace(GPT, name="opt-13b", layers=40, width=5120, heads=40, inner=20480, vocabulary=50272)
"""Zhang et al., "OPT", 2022: the 13B of llm-analysis's comparison (recalled)."""

TOKENS = 2
"""Tokens of a request whose second call is wanted."""

RUNTIME = "FasterTransformer's runtime"


def _requests(fact: Fact) -> Iterator[Answer | Uncovered]:
    model, config = MODELS[fact.columns["model"]]
    sizes = {key: int(size) for key, size in re.findall(r"\b(b|in|out)(\d+)", fact.columns["workload"])}
    gpus = int(fact.columns["hardware"].split("x")[0])
    asked = Request(
        model, replace(config, name=model, ranks=gpus), 1, sizes["b"], sizes["in"], sizes["out"],
        sampled=True, seconds=fact.numbers[0] * 1e-3, held_out=model not in FITTED_MODELS,
    )  # fmt: skip
    yield _answer(asked, fastertransformer.TARGET)


def _answer(asked: Request, target: str) -> Answer | Uncovered:
    (found,) = terms([asked], target)
    if isinstance(found, str):
        return Uncovered(found)
    ours = found.seconds(Runtime.load(fastertransformer.SOURCE))
    place = f"{asked.config.ranks} x {target}"
    return Answer("request, s", place, asked.seconds, ours, RUNTIME, BAR, fitted=not asked.held_out)


def _seed(fact: Fact) -> Iterator[Answer | Uncovered]:
    """GPU time of a token of GPT-3 175B: that of the eight GPUs that share it, and of the kernels alone."""
    found = _calls(replace(GPT, name="GPT-175B", ranks=8), 128)
    if isinstance(found, str):
        yield Uncovered(found)
        return
    first, both = found
    runtime = Runtime.load(fastertransformer.SOURCE)
    published = fact.numbers[0] * 1e-3
    per_token = both.seconds(runtime) - first.seconds(runtime)
    yield Answer("GPU time of a token, s", "8 x a100-80", published, 8 * per_token, RUNTIME)
    yield Answer(
        "the same without the runtime", "8 x a100-80", published, 8 * (both.kernels_s - first.kernels_s), "kernels"
    )


def _calls(config: Decoder, prompt: int, target: str = fastertransformer.TARGET) -> tuple[Terms, Terms] | str:
    """A request of one token, and of two."""
    one = Request(config.name, config, 1, 1, prompt, 1, sampled=True, seconds=0.0, held_out=True)
    first, both = terms([one, replace(one, tokens=TOKENS)], target)
    if isinstance(first, str) or isinstance(both, str):
        return first if isinstance(first, str) else str(both)
    return first, both


def _kipply(fact: Fact) -> Iterator[Answer | Uncovered]:
    found = _calls(OPT_13B, 512, "a100-40")
    if isinstance(found, str):
        yield Uncovered(found)
        return
    first, both = found
    runtime = Runtime.load(fastertransformer.SOURCE)
    prompt, token = (ms * 1e-3 for ms in fact.numbers)
    yield Answer("prompt, s", "a100-40", prompt, first.seconds(runtime), RUNTIME)
    yield Answer("token, s", "a100-40", token, both.seconds(runtime) - first.seconds(runtime), RUNTIME)


REQUESTS = Kind(frozenset({"FT-175B-1", "FT-175B-3", "FT-175B-5", "FT-20B-1", "FT-350M-1", "FT-530B-1"}), _requests)
SEED = Kind(frozenset({"SEED-350ms"}), _seed)
KIPPLY = Kind(frozenset({"KIPPLY-13B-1"}), _kipply)
