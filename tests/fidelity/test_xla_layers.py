"""Layers of a compiled program: which of their times stand for which work."""

from __future__ import annotations

from pathlib import Path

from benchmarks.measured import llmservingsim
from benchmarks.measured.points import Point

HEADER = "layer_name,input,kv_cache,tp_size,latency_us\n"


def layers(folder: Path, *rows: tuple[str, int, float]) -> list[Point]:
    lines = [f"{layer},{tokens},0,1,{us}\n" for layer, tokens, us in rows]
    path = folder / "llmservingsim/v0_TPU-v6e-1_Llama-3.1-8B_tp1_layers.csv"
    path.parent.mkdir(parents=True)
    path.write_text(HEADER + "".join(lines))
    return list(llmservingsim.points(folder))


def test_an_absent_layer_is_in_the_sum_of_its_neighbours(tmp_path: Path) -> None:
    (point,) = layers(tmp_path, ("gate_proj", 8, 79), ("down_proj", 8, 154))
    assert point.op == "linear bf16"
    assert [(c["n"], c["k"]) for c in (point.columns, *point.also)] == [(14336, 4096), (14336, 4096), (4096, 14336)]
    assert round(point.seconds * 1e6) == 79 + 154


def test_layers_that_are_all_there_are_points_of_their_own(tmp_path: Path) -> None:
    found = layers(tmp_path, ("gate_proj", 400, 88), ("down_proj", 400, 87), ("up_proj", 400, 91))
    assert [round(p.seconds * 1e6) for p in found] == [88, 87, 91]
    assert not any(p.also for p in found)


def test_weights_read_quicker_than_the_memory_can_are_apart(tmp_path: Path) -> None:
    quick, slow = layers(tmp_path, ("o_proj", 4, 5.3), ("q_proj", 4, 45))
    assert (quick.op, slow.op) == ("resident linear bf16", "linear bf16")


def test_norms_inside_products_are_apart(tmp_path: Path) -> None:
    before, after = layers(tmp_path, ("input_layernorm", 4, 0.8), ("post_layernorm", 4, 0.56))
    assert (before.op, after.op) == ("norm bf16", "merged norm bf16")
