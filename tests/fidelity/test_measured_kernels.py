"""Measured names that stand for several kernels, and what a source's way to measure adds to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.errors import scored
from benchmarks.measured import llmservingsim, vidur
from benchmarks.measured.points import Point
from mapper.cost.pricing import Price, Pricer
from mapper.cost.rows import question_of

HEADER = "device,model,tp,num_tokens,op,m,n,k,latency_us,dtype\n"
ADD = {"target": "a100-80", "kind": "add", "m": 8, "n": 64, "dtype": "f16"}


def ours(point: Point) -> float:
    (line,) = scored([point], Pricer())
    return float(line.times["ours"][0])


def written(folder: Path, name: str, text: str) -> Path:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return folder


def test_rope_turns_the_queries_and_keys_of_one_rank(tmp_path: Path) -> None:
    rows = "a100,x,8,8,attn_pre_proj,8,1280,8192,9,fp16\na100,x,8,8,attn_post_proj,8,8192,1024,9,fp16\n"
    folder = written(tmp_path, "vidur/a100_x.csv", HEADER + rows + "a100,x,8,8,attn_rope,8,8192,0,3,fp16\n")
    (rope,) = [p for p in vidur.points(folder) if p.columns["kind"] == "rope"]
    assert rope.columns["n"] == 1024 + 128


def test_a_model_with_parallel_blocks_adds_twice(tmp_path: Path) -> None:
    folder = written(tmp_path, "vidur/a100_phi-2.csv", HEADER + "a100,phi-2,1,8,add,8,2560,0,4,fp16\n")
    (add,) = vidur.points(folder)
    assert add.also == (add.columns,)


def test_a_norm_in_python_is_eight_kernels_and_a_fused_one_is_one(tmp_path: Path) -> None:
    written(tmp_path, "llmservingsim/v0_A6000_Llama-3.1-8B_tp1_layers.csv",
            "layer_name,input,kv_cache,tp_size,latency_us\ninput_layernorm,64,0,1,26\n")  # fmt: skip
    written(tmp_path, "llmservingsim/RTXPRO6000_Llama-3.1-8B_tp1_dense.csv", "layer,tokens,time_us\nlayernorm,64,3\n")
    kernels = {p.device: 1 + len(p.also) for p in llmservingsim.points(tmp_path)}
    assert kernels == {"A6000": 8, "RTXPRO6000": 1}


def test_a_point_of_several_kernels_costs_their_sum_and_its_overhead() -> None:
    (price,) = Pricer().answers([question_of({k: str(v) for k, v in ADD.items()})])  # type: ignore[list-item]
    assert isinstance(price, Price)
    point = Point("x", "a100", "elementwise f16", ADD, 1e-5, False, also=(ADD, ADD), overhead_s=1e-5)
    assert ours(point) == pytest.approx(3 * price.seconds + 1e-5)
