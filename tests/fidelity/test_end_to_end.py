"""Whole requests and layers against measurements made up here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.end_to_end import parameters, requests_scored
from benchmarks.fit_runtime import fit
from benchmarks.generation import Runtime, Terms, grouped, terms
from benchmarks.machines import under_load
from benchmarks.measured import fastertransformer
from benchmarks.measured.points import Point
from mapper.cost.works import Types, product
from mapper.hw.load import load_target
from mapper.hw.work import DType, Feed
from samples.models.decoder import GPT3_175B

SIZES = {"target": "a100-80", "dtype": "f16", "kind": "matmul"}
HEADER = "doc,section,cfg,batch,col1,col2,hdr1,hdr2,metric,value\n"


def row(section: str, metric: str, value: str, batch: int = 2, **sizes: str) -> str:
    given = {"head_num": "4", "size_per_head": "64", "num_layers": "3", "vocab_size": "1024", **sizes}
    text = "{" + ", ".join(f'""{k}"": ""{v}""' for k, v in given.items()) + "}"
    return f'docs,{section},"{text}",{batch},16,4,Input Seqlen,Output Seqlen,{metric},{value}\n'


def requests(folder: Path, *rows: str) -> list[fastertransformer.Request]:
    (folder / "fastertransformer").mkdir()
    (folder / "fastertransformer" / "gpt.csv").write_text(HEADER + "".join(rows))
    return list(fastertransformer.requests(folder))


def test_requests_are_read_with_their_parallel_sizes_and_other_rows_are_left_out(tmp_path: Path) -> None:
    found = requests(
        tmp_path,
        row("Performance of GPT-350M", "FT  Latency (ms)", "30", top_p="0.9"),
        row("Performance of GPT-350M", "Memory Usage (GB)", "3"),
        row("Performance of GPT-89B", "Megatron  Latency (ms)", "90"),
        row("Performance of GPT-89B", "FT  Latency (ms)", "80", tensor_parallel_size="2", top_k="4"),
        row("Performance of GPT-530B", '"TP4, PP3  Latency (ms)"', "500"),
        row("Performance of GPT-530B", '"TP4, PP3  Latency (ms)"', "OOM"),
    )
    assert [(r.model, r.config.ranks, r.stages) for r in found] == [
        ("GPT-350M", 1, 1),
        ("GPT-89B", 2, 1),
        ("GPT-530B", 4, 3),
    ]
    assert [r.held_out for r in found] == [False, False, True]
    assert [r.sampled for r in found] == [True, True, False]
    assert found[0].seconds == pytest.approx(0.03)


def test_a_request_takes_its_prompt_and_a_call_for_each_further_token(tmp_path: Path) -> None:
    one, two = requests(
        tmp_path,
        row("GPT-6.7B", "FT  Latency (ms)", "30"),
        row("GPT-6.7B", "FT  Latency (ms)", "30", tensor_para_size="2"),
    )
    alone, group = terms([one, two], "a100-80")
    assert isinstance(alone, Terms)
    assert isinstance(group, Terms)
    assert group.doublings == 1
    assert alone.doublings == alone.rows_drawn == 0
    per_call = (group.launches - alone.launches) / 4
    assert per_call == 4 * 3 + 2  # in each layer two all-reduces and two biases after them; a bias and the logits


def test_two_stages_halve_the_wait_of_a_batch_that_two_parts_fill(tmp_path: Path) -> None:
    whole, staged = requests(
        tmp_path,
        row("GPT-6.7B", "FT  Latency (ms)", "30", batch=64),
        row("GPT-6.7B", "FT  Latency (ms)", "30", batch=64, pipeline_para_size="2"),
    )
    found = terms([whole, staged], "a100-80")
    assert all(isinstance(t, Terms) for t in found)
    assert found[1].launches == pytest.approx(1.5 * found[0].launches)  # type: ignore[union-attr]


def test_requests_that_no_target_can_price_say_why(tmp_path: Path) -> None:
    requests(tmp_path, row("GPT-530B", '"TP4, PP1  Latency (ms)"', "9", head_num="6"))
    (line,) = requests_scored(tmp_path)
    assert "4 ranks do not divide 6 heads" in line.why
    assert line.held_out.tolist() == [True]


def test_the_fit_finds_the_runtime_that_made_the_latencies(tmp_path: Path) -> None:
    made = Runtime(5e-6, 2e-3, 1e-2, 1e-4)
    asked = requests(tmp_path, *(row("GPT-350M", "FT  Latency (ms)", "1", batch=b) for b in range(1, 9)))
    found = [Terms(0.01 * b, 0.1, 1000 + 7 * b * b, float(b % 3), 32 * b) for b in range(1, 9)]
    timed = [replace(r, seconds=t.seconds(made)) for r, t in zip(asked, found, strict=True)]
    again = fit(timed, found)
    assert [getattr(again, n) for n in Runtime.__slots__] == pytest.approx([5e-6, 2e-3, 1e-2, 1e-4])


def test_the_clocks_of_a_machine_are_those_at_which_its_products_have_no_bias() -> None:
    target, works = load_target("a100-80"), [product(m, 8192, 8192, Types.all(DType.F16)) for m in (4096, 8192)]
    bandwidth = target.memory["hbm"].bandwidth_bytes_per_s
    feed = Feed(bandwidth, bandwidth)
    before = [cost.ticks for cost in target.unit["gpu0"].model.costs(works, feed)]
    timed = [
        Point("s", "d", "gemm", {**SIZES, "m": m, "n": 8192, "k": 8192}, 0.9e-12 * ticks, False)
        for m, ticks in zip((4096, 8192), before, strict=True)
    ]
    after = [cost.ticks for cost in under_load(target, timed).unit["gpu0"].model.costs(works, feed)]
    assert np.mean(np.array(after) / before) == pytest.approx(0.9, rel=0.01)
    assert under_load(target, [replace(p, held_out=True) for p in timed]) is target


def test_the_parameters_of_gpt3_are_175_billion() -> None:
    assert parameters(GPT3_175B) == pytest.approx(175e9, rel=0.01)


@pytest.mark.parametrize(("ranks", "system"), [(8, "dgx-a100"), (16, "superpod-a100"), (32, "superpod-a100")])
def test_a_group_works_on_the_smallest_system_for_it_with_the_collectives_of_the_library(
    ranks: int, system: str
) -> None:
    group = grouped("a100-80", ranks).group
    assert group is not None
    assert group.name == system
    assert group.collectives is not None
    assert not group.collectives.has("custom_all_reduce")
    assert grouped("a100-80", 1).group is None
