"""Servers of requests: what the adapters read, what a batch holds, what a server adds, and what is fitted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.fit_serving import with_host
from benchmarks.measured import mlperf, tensorrt_llm
from benchmarks.measured.served import MODELS, Served
from benchmarks.served_lines import op_of, served_scored
from benchmarks.served_targets import decoding, encoding
from benchmarks.serving import Calls, Part, Server, calls, capacity, fastest, request_s, requests_per_s
from mapper.hw.load import load_target
from mapper.hw.work import DType
from samples.models.decoder import Decoder

TABLE = (
    "source_version,gpu,dtype,model,metric,batch,tp,isl,osl,value,unit\n"
    "0.6.1,A100,fp16,LLaMA 7B,throughput_out_tok_s_per_gpu,64,2,2048,2048,782,tok/s per GPU\n"
    "0.5,H100,fp8,GPT-J 6B,first_token_latency,1,1,128,1,7,ms\n"
    "1.0,H100,fp8,Llama 3.1 8B,max_throughput_out_tok_s,max,2,128,128,6400,tok/s total\n"
    "1.0,H100,fp8,Unknown 9B,max_throughput_out_tok_s,max,2,128,128,6400,tok/s total\n"
)
RESULTS = (
    "submitter,system,model,scenario,accelerator,n_acc,nodes,host,hosts,cores,software,valid,samples_per_s,"
    "tokens_per_s,p90_latency_ns,mean_W_all,median_W_busy,p98_W\n"
    "N,a_MaxQ,gptj-99,Offline,NVIDIA H200-SXM-141GB,8,1,x,2,1,TensorRT,VALID,190,13100,,2289,4778,4787\n"
    "N,b,llama2-70b-99,Server,NVIDIA H100-SXM-80GB,8,1,x,2,1,TensorRT,VALID,74,21600,,,,\n"
    "N,b,llama2-70b-99,Server,NVIDIA H100-SXM-80GB,8,1,x,2,1,TensorRT,INVALID,75,21600,,,,\n"
    "N,c,bert-99,Offline,A chip of nobody,8,1,x,2,1,TensorRT,VALID,75,,,,,\n"
)
SMALL = replace(MODELS["Llama 3.1 8B"], layers=2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {"tensorrt_llm/perf.csv": TABLE, f"{mlperf.SOURCE}/results.csv": RESULTS}.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    return tmp_path


def test_tables_tell_rates_of_one_gpu_or_of_all(folder: Path) -> None:
    per_gpu, first, of_all = tensorrt_llm.served(folder)
    assert per_gpu.per_s == pytest.approx(2 * 782 / 2048)
    assert of_all.per_s == pytest.approx(6400 / 128)
    assert (first.first_s, first.per_s) == (pytest.approx(0.007), 0)
    assert [r.held_out for r in (per_gpu, first, of_all)] == [False, True, False]


def test_results_are_read_where_the_library_has_the_accelerator_and_they_are_valid(folder: Path) -> None:
    limited, bound = mlperf.served(folder)
    assert (limited.limited, limited.watts, limited.beams, limited.held_out) == (True, 4778, 4, True)
    assert (bound.deadline, bound.ranks, bound.held_out) == (True, 0, False)
    assert op_of(limited) == "serve GPT-J 6B, best per joule"
    assert op_of(bound) == "serve LLaMA 70B with deadlines"


def test_rows_without_a_number_are_left_out_and_old_gpus_serve_in_sixteen_bits(tmp_path: Path) -> None:
    (tmp_path / "tensorrt_llm").mkdir()
    (tmp_path / "tensorrt_llm" / "perf.csv").write_text(TABLE.replace(",782,", ",OOM,"))
    (tmp_path / mlperf.SOURCE).mkdir()
    (tmp_path / mlperf.SOURCE / "results.csv").write_text(RESULTS.replace("H100-SXM", "A100-SXM"))
    assert len(list(tensorrt_llm.served(tmp_path))) == 2
    assert [r.weights for r in mlperf.served(tmp_path)] == [DType.F8, DType.F16]


def test_every_row_is_scored_on_a_line(folder: Path) -> None:
    lines = list(served_scored(folder))
    assert len(lines) == 5
    assert not any(line.why for line in lines)
    assert [bool(line.held_out.all()) for line in lines] == [False, True, False, True, False]
    assert all((line.times["plain"] < line.times["ours"]).all() for line in lines)


def test_a_batch_is_what_the_cache_beside_the_weights_holds() -> None:
    target, config = load_target("h100-sxm"), MODELS["LLaMA 7B"]
    assert isinstance(config, Decoder)
    half = capacity(config, target, DType.F16, 2048)
    assert half == pytest.approx(0.9 * (80e9 - 13.2e9) / (2048 * 2 * 2 * 32 * 4096), rel=0.03)
    assert capacity(config, target, DType.F16, 1024) == pytest.approx(2 * half, abs=1)
    seventy = MODELS["LLaMA 70B"]
    assert isinstance(seventy, Decoder)
    assert capacity(seventy, target, DType.F16, 2048) < 1
    assert capacity(replace(seventy, ranks=4), target, DType.F16, 2048) > 1


def test_narrow_weights_come_with_a_narrow_cache_of_twice_the_requests() -> None:
    row = Served("s", "H100", "h100-sxm", "LLaMA 7B", DType.F8, 1, 1, 0, 1, 1024, 1024, 1.0, False)
    target = load_target("h100-sxm")
    wide, narrow = MODELS["LLaMA 7B"], row.config
    assert isinstance(wide, Decoder)
    assert isinstance(narrow, Decoder)
    held = [capacity(config, target, DType.F8, 2048) for config in (wide, narrow)]
    assert held[1] == pytest.approx(2 * held[0], abs=1)


def test_a_larger_batch_answers_more_requests_and_a_model_that_fits_nowhere_none() -> None:
    row = Served("s", "A100", "a100-80", "LLaMA 7B", DType.F16, 1, 1, 4, 1, 256, 64, 1.0, False)
    rates = [requests_per_s(r, fastest(r, Server()), Server()) for r in (row, replace(row, batch=64))]
    assert 5 * rates[0] < rates[1] < 16 * rates[0]
    with pytest.raises(ValueError, match="does not fit"):
        fastest(replace(row, model="Llama 3.1 405B", batch=0), Server())


def test_what_a_server_adds_is_added_once_a_call_and_once_a_row() -> None:
    row = Served("s", "d", "t", "LLaMA 7B", DType.F16, 2, 1, 8, 1, 16, 10, 1.0, False)
    made = Calls(1, 8, 4, Part(0.2), Part(0.1, experts_s=0.05))
    assert request_s(row, made, Server()) == pytest.approx(0.2 + 10 * 0.1 / 8)
    added = request_s(row, made, Server(call_s=0.01, row_s=0.001)) - request_s(row, made, Server())
    assert added == pytest.approx(0.01 / 4 + 10 * (0.01 / 8 + 0.001))
    assert request_s(row, made, Server(experts=2.0)) == pytest.approx(0.2 + 10 * 0.15 / 8)
    assert requests_per_s(row, made, Server()) == pytest.approx(2 / (0.2 + 10 * 0.1 / 8))


def test_deadlines_take_a_part_of_the_rate() -> None:
    row = Served("s", "d", "t", "LLaMA 7B", DType.F16, 1, 1, 8, 1, 16, 10, 1.0, False, deadline=True)
    made, server = Calls(1, 8, 4, Part(0.2), Part(0.1)), Server(under_deadline=0.9, under_short_deadline=0.8)
    most = requests_per_s(replace(row, deadline=False), made, server)
    assert requests_per_s(row, made, server) == pytest.approx(0.9 * most)


def test_the_fit_finds_the_host_that_made_the_rates() -> None:
    made = Server(call_s=2e-3, row_s=5e-6)
    pairs = []
    for batch in (4, 16, 64, 256):
        row = Served("s", "d", "t", "LLaMA 7B", DType.F16, 1, 1, batch, 1, 16, 100, 1.0, False)
        found = Calls(1, batch, min(batch, 32), Part(0.01), Part(0.02 + 1e-4 * batch))
        pairs.append((replace(row, per_s=requests_per_s(row, found, made)), found))
    again = with_host(Server(), pairs)
    assert (again.call_s, again.row_s) == (pytest.approx(2e-3), pytest.approx(5e-6))


def test_servers_quantise_before_the_product_and_encoders_hand_on_narrow_activations() -> None:
    target = load_target("h100-sxm")
    plain, server, encoder = (
        t.unit["gpu0"].model for t in (target, decoding(target, DType.F8), encoding(target, DType.I8))
    )
    assert server.products.f8.quantise == 0 < plain.products.f8.quantise  # type: ignore[attr-defined]
    assert (server.activation_dtype(), encoder.activation_dtype()) == (DType.F16, DType.I8)


def test_an_encoder_has_no_tokens_to_make() -> None:
    row = Served("s", "L40S", "l40s", "BERT-large", DType.I8, 4, 1, 0, 1, 177, 0, 1.0, False)
    made = calls(row, 1)
    assert made is not None
    assert made.step.seconds == 0
    assert 4 / made.prompt.seconds == pytest.approx(requests_per_s(row, made, Server()))
