"""Published operating points of macros: their rows, their split, and what the benchmark makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import fidelity
from benchmarks.bars import BARS
from benchmarks.macros import macro
from benchmarks.measured import cim
from benchmarks.measured.cim import target_of
from mapper.cost.pricing import Pricer

HEADER = "device,condition,metric,published_value,source\n"
ROWS = """neurram,in3b_out5b_W4_1phase,TOPS_48core,1.165,x
neurram,in6b_out8b_W4_2phase,TOPS_48core,0.4177,x
neurram,in3b_out5b,fJ_per_op_input_pulses,7.732,x
wang_22nm,0.7V_8b8b,TOPS_per_W,31.998,x
wang_22nm,1.0V,energy_frac_ADC,0.34,x
colonnade,in1b_W4b_0.6V,fJ_per_MAC,26.497,x
cicc21_aimc,nominal,t_clk_ns,44.44,x
"""


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    (tmp_path / "cim_macros.csv").write_text(HEADER + ROWS)
    return tmp_path


@pytest.mark.parametrize(
    ("device", "condition", "target"),
    [
        ("neurram", "in5b_out7b_W4_2phase", "neurram-2phase"),
        ("wang_22nm", "0.7V_8b8b", "wang-22nm-0v7"),
        ("jia_jssc20", "0.85V_1b1b", "jia-jssc20-0v85"),
        ("sinangil_jssc_2021", "1V_4b4b", "sinangil-7nm-1v0"),
        ("nobody_2030", "nominal", "nobody-2030"),
    ],
)
def test_a_condition_names_a_target(device: str, condition: str, target: str) -> None:
    assert target_of(device, condition) == target


def test_rows_ask_for_a_full_macro_in_the_widths_of_the_condition(facts: Path) -> None:
    found = {(r.device, r.condition): r.columns for r in cim.rates(facts)}
    neurram = found["neurram", "in3b_out5b_W4_1phase"]
    assert (neurram["n"], neurram["k"], neurram["dtype"], neurram["weight_dtype"]) == (256, 128, "i3", "i4")
    colonnade = found["colonnade", "in1b_W4b_0.6V"]
    assert (colonnade["n"], colonnade["dtype"], colonnade["weight_dtype"]) == (32, "i1", "i4")


def test_only_what_a_price_answers_is_asked_and_the_split_is_by_condition(facts: Path) -> None:
    rates = list(cim.rates(facts))
    assert len(rates) == 6
    assert {r.condition for r in rates if r.held_out} == {"in3b_out5b_W4_1phase", "in3b_out5b", "in1b_W4b_0.6V"}


def test_every_figure_is_within_the_bars(facts: Path) -> None:
    pricer = Pricer()
    macros = [macro(rate, pricer) for rate in cim.rates(facts)]
    assert all(abs(m.error) < 5 for m in macros)
    verdicts = [fidelity.verdict(bar, [], [], macros) for bar in BARS if bar.kind == "rate"]
    assert [v.met for v in verdicts] == [True, True]
    assert "| held out |" in fidelity.page([], [], macros, verdicts).replace("held out  ", "held out ")


def test_a_macro_without_a_target_misses_the_bar(tmp_path: Path) -> None:
    (tmp_path / "cim_macros.csv").write_text(HEADER + "nobody_2030,nominal,TOPS,3,x\n")
    macros = [macro(rate, Pricer()) for rate in cim.rates(tmp_path)]
    (bar,) = [b for b in BARS if b.what == "CIM macros, peak TOPS"]
    found = fidelity.verdict(bar, [], [], macros)
    assert not found.met
    assert "nobody-2030 (no target)" in found.note
