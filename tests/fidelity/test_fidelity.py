"""The fidelity benchmark: adapters on small samples, rooflines that find their constants, bars that can be missed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import fidelity
from benchmarks.bars import BARS, Bar, Line
from benchmarks.errors import Scored, scored
from benchmarks.measured import aiconfigurator, cim, deepbench, llmcompass, llmservingsim, neusight, points, vidur
from benchmarks.measured.points import Point, held_out_shape
from benchmarks.probes import probed
from benchmarks.rooflines import fit_bytes, fit_work
from mapper.cost.pricing import Pricer, Question
from mapper.cost.rows import question_of
from mapper.hw.probed import probed_times

SAMPLES = {
    "vidur/a100_phi-2.csv": "device,model,tp,num_tokens,op,m,n,k,latency_us,dtype\n"
    "a100,phi-2,1,8,mlp_up_proj,8,10240,2560,20,fp16\na100,phi-2,1,8,mlp_act,8,10240,0,5,fp16\n",
    "vidur/a100_internlm-20b.csv": "device,model,tp,num_tokens,op,m,n,k,latency_us,dtype\n"
    "a100,internlm-20b,1,8,mlp_act,8,13824,0,4,fp16\na100,internlm-20b,1,8,add,8,5120,0,0,fp16\n",
    "vidur/net_a100_dgx_all_reduce.csv": "cluster,op,num_workers,devices_per_node,size,latency_us\n"
    "a100_dgx,all_reduce,8,8,1048576,60\na100_dgx,all_reduce,16,8,1048576,90\n",
    "aiconfigurator/gemm_h100_sxm.csv": "dtype,m,n,k,latency_us\nfp8,1,32,256,2.5\n",
    "aiconfigurator/attn_decode_l40s.csv": "batch_size,isl,num_heads,num_key_value_heads,head_dim,window_size,"
    "attn_dtype,kv_cache_dtype,step,latency_us\n4,1,32,8,128,128,bfloat16,fp8,4095,19.6\n",
    "aiconfigurator/nccl_a100_sxm.csv": "op_name,nccl_dtype,num_gpus,message_size,latency_us\nalltoall,half,4,512,9\n",
    "neusight/elem.csv": "OPName,Device,B,H,dtype,latency_ms\nmulu,Tesla T4,64,768,fp32,0.5\n",
    "llmcompass/gelu_A100.csv": "device,op,m,n,latency_us\nA100,gelu,1,1024,48\n",
    "deepbench/gemm.csv": "device,suite,sheet,precision,m,n,k,transA,transB,latency_us\n"
    'NV_V100,train,x,"16 bit inputs, 16 bit multiplication, 32 bit addition",7680,16,2560,T,N,104\n',
    "llmservingsim/RTXPRO6000_Llama-3.1-8B_tp2_dense.csv": "layer,tokens,time_us\nqkv_proj,64,20\nsampler,64,9\n",
    "llmservingsim/RTXPRO6000_Llama-3.1-8B_tp1_attention.csv": "prefill_chunk,kv_prefill,n_decode,kv_decode,time_us\n"
    "0,0,4,256,12\n128,512,0,0,30\n16,64,4,256,40\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in SAMPLES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def only(source, folder: Path, op: str) -> Point:
    (found,) = [p for p in source.points(folder) if p.op == op]
    return found


def test_every_measured_row_is_one_that_the_command_prices(folder: Path) -> None:
    asked = [question_of({name: str(cell) for name, cell in p.columns.items()}) for p in points(folder)]
    assert len(asked) == 14
    assert all(isinstance(q, Question) for q in asked)


def test_vidur_is_split_by_model_and_leaves_out_times_of_zero(folder: Path) -> None:
    found = {(p.columns["kind"], p.held_out) for p in vidur.points(folder) if "m" in p.columns}
    assert found == {("matmul", False), ("gelu", False), ("swiglu", True)}


def test_collectives_over_nodes_are_lines_of_their_own(folder: Path) -> None:
    assert only(vidur, folder, "all_reduce x16").columns["target"] == "dgx-a100-pytorch-nodes"
    assert only(vidur, folder, "all_reduce x8").columns["target"] == "dgx-a100-pytorch"


def test_a_decode_step_reads_the_tokens_before_it(folder: Path) -> None:
    columns = only(aiconfigurator, folder, "decode bf16 cache f8 window").columns
    assert (columns["seq"], columns["past"], columns["kv_dtype"], columns["window"]) == (1, 4095, "f8", 128)


def test_a_device_without_a_target_is_a_line_that_says_so(tmp_path: Path) -> None:
    files = {
        "aiconfigurator/gemm_gb999.csv": "dtype,m,n,k,latency_us\nbfloat16,1,32,256,2.5\n",
        "neusight/softmax.csv": "OPName,Device,B,H,dtype,latency_ms\nsoftmax,Some GPU,64,768,fp32,0.5\n",
        "llmservingsim/RTX9999_Llama-3.1-8B_tp1_dense.csv": "layer,tokens,time_us\nqkv_proj,64,20\n",
        "vidur/x9_phi-2.csv": SAMPLES["vidur/a100_phi-2.csv"].replace("a100", "x9"),
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    found = scored(points(tmp_path), Pricer())
    assert {s.line.device for s in found} == {"gb999", "Some GPU", "RTX9999", "x9"}
    assert {s.why for s in found} == {"no target"}


def test_sizes_of_collectives_are_bytes(folder: Path) -> None:
    columns = only(aiconfigurator, folder, "all_to_all x4").columns
    assert (columns["bytes"], columns["ranks"]) == (1024, "4")


def test_functions_with_a_number_read_one_tensor(folder: Path) -> None:
    assert only(neusight, folder, "elementwise f32").columns["kind"] == "elementwise"
    assert only(llmcompass, folder, "elementwise f16").columns["kind"] == "gelu"
    assert only(deepbench, folder, "gemm f16").seconds == pytest.approx(104e-6)


def test_layers_of_two_way_parallel_models_are_half_as_wide_and_held_out(folder: Path) -> None:
    point = only(llmservingsim, folder, "linear bf16")
    assert (point.columns["n"], point.held_out) == (3072, True)


def test_mixed_batches_are_left_out(folder: Path) -> None:
    assert {p.op for p in llmservingsim.points(folder)} == {"linear bf16", "decode bf16", "prefill bf16"}


def test_a_shape_is_on_one_side_only_and_about_a_quarter_is_held_out() -> None:
    sides = [held_out_shape(n, k) for n in range(64) for k in range(64)]
    assert sides == [held_out_shape(n, k) for n in range(64) for k in range(64)]
    assert 0.2 < sum(sides) / len(sides) < 0.3


def test_macros_become_operations_per_joule(tmp_path: Path) -> None:
    (tmp_path / "cim_macros.csv").write_text(
        "device,condition,metric,published_value,source\ncolonnade,8b8b_0.6V_100MHz,fJ_per_MAC,200,x\nm,a,area_mm2,3,x\n"
    )
    (rate,) = cim.rates(tmp_path)
    assert (rate.metric, rate.value, rate.columns["target"]) == ("TOPS/W", pytest.approx(1e13), "colonnade-0v6")


def test_the_roofline_finds_its_constants() -> None:
    rng = np.random.default_rng(0)
    compute, memory = 10 ** rng.uniform(-6, -3, 400), 10 ** rng.uniform(-6, -3, 400)
    seconds = np.maximum(compute / 0.7, memory / 0.8) + 5e-6
    ef, eb, c = fit_work(compute, memory, seconds)
    assert np.mean(np.abs((np.maximum(compute / ef, memory / eb) + c) / seconds - 1)) < 0.02


def test_the_collective_finds_its_constants() -> None:
    size = 2.0 ** np.arange(8, 30)
    assert fit_bytes(size, 9e-6 + 3e-12 * size + 1e-8 * np.sqrt(size)) == pytest.approx([9e-6, 3e-12, 1e-8], rel=1e-3)


def test_two_probes_tell_a_fabric_that_bends_like_the_others() -> None:
    size = 2.0 ** np.arange(8, 30)

    def fabric(name: str, quick: float, slow: float) -> list[Point]:
        seconds = probed_times("all_reduce", 2, (1024.0, 2.0**25), (quick, slow), size, bend=0.6)
        columns = [{"target": "t", "kind": "all_reduce", "bytes": int(s), "ranks": 2} for s in size]
        return [Point("s", name, "all_reduce x2", c, t, False) for c, t in zip(columns, seconds, strict=True)]

    found = probed([*fabric("quick", 4e-6, 2e-4), *fabric("slow", 9e-6, 2e-2)])
    assert max(np.abs(errors).max() for errors in found.values()) < 1e-3


def line(errors: list[float], why: str = "") -> Scored:
    seconds, held_out = np.ones(len(errors)), np.ones(len(errors), dtype=bool)
    times = {model: 1 + np.array(errors) for model in ("plain", "three", "ours")}
    return Scored(Line("s", "d", "gemm f16"), "t", seconds, held_out, times, held_out, why)


BAR = Bar("products", 10, "held-out", lambda line: True)


@pytest.mark.parametrize(("errors", "met"), [([0.05, -0.05], True), ([0.3, -0.1], False)])
def test_a_bar_holds_the_mean_absolute_error_on_held_out_points(errors: list[float], met: bool) -> None:
    assert fidelity.verdict(BAR, [line(errors)], [], []).met is met


def test_a_device_without_a_price_misses_the_bar() -> None:
    found = fidelity.verdict(BAR, [line([0.01]), line([0.0], why="no target")], [], [])
    assert not found.met
    assert "t (no target)" in found.note


def test_a_device_that_was_not_left_out_misses_the_bar() -> None:
    bar = Bar("devices", 10, "left-out", lambda line: True)
    assert not fidelity.verdict(bar, [line([0.01])], [], []).met
    assert fidelity.verdict(bar, [line([0.01])], [line([0.05])], []).met


def test_the_bars_are_those_of_the_issue() -> None:
    assert [bar.limit for bar in BARS] == [6, 8, 10, 9, 18, 8, 12, 20, 8, 12, 10, 5, 15, 10, 6, 20, 15]


def test_a_measured_device_without_a_target_says_so(folder: Path) -> None:
    point = only(vidur, folder, "all_reduce x16")
    (found,) = scored([replace(point, columns={**point.columns, "target": "no-such-machine"})], Pricer())
    assert found.why == "no target"
    assert "no-such-machine: no target" in fidelity.page([found], [], [], [])


def test_a_gpu_that_no_fit_saw_counts_as_left_out_by_its_own_target() -> None:
    columns = {"kind": "matmul", "m": 64, "n": 64, "k": 64, "dtype": "bf16"}
    asked = [
        Point("s", target, "gemm bf16", {**columns, "target": target}, 1e-5, held_out=False)
        for target in ("a100-80", "h200", "tpu-v4", "no-such-target")
    ]
    found = {p.device: str(p.columns["target"]) for p in fidelity.left_out(asked)}
    assert found == {"a100-80": str(fidelity.LEFT_OUT / "a100-80.yaml"), "h200": "h200"}


def test_figures_tell_what_the_bars_reached_and_leave_out_what_has_no_price() -> None:
    lines = [line([0.05, -0.15]), line([0.0], why="no target")]
    found = fidelity.figures(lines, [fidelity.Verdict(BAR, 10.0), fidelity.Verdict(replace(BAR, what="other"), None)])
    assert (found["priced lines"], found["lines without a price"]) == (1, 1)
    assert found["error_%"] == {BAR.what: 10.0}
    (held_out,) = found["held_out_%"].values()
    assert held_out == pytest.approx(10.0)
    assert "fitted_%" not in found
