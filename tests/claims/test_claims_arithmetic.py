"""Checks that are arithmetic on figures of the file of claims, against sums done by hand."""

from __future__ import annotations

from collections.abc import Callable
from math import log10
from pathlib import Path
from typing import Any

import pytest

from mapper.claims.answers import Answer
from mapper.claims.bench import Bench, Unanswered
from mapper.claims.checks.check import ARITHMETIC, answerable
from mapper.claims.checks.kinds import KINDS
from mapper.claims.claim import Asked
from mapper.claims.found import Figure, Found
from mapper.cost.work_text import price, work_of_text
from mapper.errors import UsageError
from mapper.hw.load import load_target
from samples.models.build import MODELS

NO_MODELS = Bench({}, Path("nowhere"))


def run(kind: str, **arguments: Any) -> Found:
    return KINDS[kind].model_validate(arguments).run(NO_MODELS, {})


def about(value: float, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    ends = {} if low is None else {"range": (low, high)}
    return {"value": value, "source": "assumed", **ends}


def test_users_times_questions_times_words_times_seconds() -> None:
    found = run(
        "fleet", users=50e6, questions_per_day=10, words=50, seconds_per_word=0.35, duty=about(1, 0.5, 1),
        tokens_per_word=about(1),
    )  # fmt: skip
    assert found.figures["unit_hours_per_day"].value == pytest.approx(2_430_555.6)
    units = found.figures["units"]
    assert units.value == pytest.approx(101_273.1, abs=0.1)
    assert units.high == pytest.approx(2 * units.value)


def test_training_takes_six_operations_for_each_parameter_and_token() -> None:
    found = run(
        "training", parameters=about(175e9), tokens=about(300e9), days=10, target="a100-80",
        utilisation=about(0.3, 0.2, 0.5),
    )  # fmt: skip
    assert found.figures["operations"].value == pytest.approx(3.15e23)
    assert found.figures["units"].value == pytest.approx(3.15e23 / (312e12 * 864_000 * 0.3))
    assert found.figures["units"].low == pytest.approx(3.15e23 / (312e12 * 864_000 * 0.5))


def bench_with(**answers: Answer) -> Bench:
    """A bench that knows these answers, each of a mapping onto one A100, and has no model for any other question."""
    asked = {name: Asked(model="none.onnx", target="a100-80") for name in (*answers, "absent")}
    return Bench(asked, Path("nowhere"), _answers={(name,): answer for name, answer in answers.items()})


def reaching(part: float) -> Answer:
    """The answer of a mapping that reaches this part of the peak of an A100."""
    return Answer("", {"flops": 312e9, "throughput_per_s": 1000 * part, "bands": {"throughput_per_s": {"relative": 0}}})


def test_an_effective_rate_takes_the_inverse_of_the_efficiency_that_mappings_reach() -> None:
    bench = bench_with(slow=reaching(0.01), quick=reaching(0.25), busy=reaching(0.5))
    check = {"wanted_ops_per_s": 1e15, "peak_ops_per_s": 1e15, "low": ["slow", "quick"], "high": ["busy"]}
    figures = KINDS["effective"].model_validate(check).run(bench, {}).figures
    assert figures["efficiency_of_low"] == Figure(pytest.approx(0.05), pytest.approx(0.01), pytest.approx(0.25))
    assert figures["processors_of_low"] == Figure(pytest.approx(20), pytest.approx(4), pytest.approx(100))
    assert figures["processors_of_high"].value == pytest.approx(2)
    assert figures["ratio"].value == pytest.approx(10)


def test_a_group_without_all_of_its_plans_hides_no_figure_of_the_other() -> None:
    bench = bench_with(busy=reaching(0.5))
    check = {"wanted_ops_per_s": 1e15, "peak_ops_per_s": 1e15, "low": ["absent"], "high": ["busy"]}
    found = KINDS["effective"].model_validate(check).run(bench, {})
    assert found.figures["processors_of_high"].value == pytest.approx(2)
    assert found.why_not["processors_of_low"].startswith("no model none.onnx")
    assert "ratio" not in found.figures


def test_a_missing_model_hides_no_figure_that_needs_targets_only() -> None:
    check = {
        "targets": ["wang-22nm"], "works": ["matmul m=64 n=64 k=64"], "limit": 50, "efficiency": 0.01,
        "questions": ["absent"],
    }  # fmt: skip
    found = KINDS["power"].model_validate(check).run(bench_with(), {})
    assert found.figures["least"].value > 0
    assert "least_compiled" not in found.figures
    assert found.why_not["least_compiled"].startswith("no model none.onnx")


def points(factor: float) -> list[dict[str, Any]]:
    """Something that grows by a factor in two years."""
    return [{"name": f"n{k}", "year": 2018 + k, "size": 1e9 * factor ** (k / 2), "source": "assumed"} for k in range(5)]


def test_growth_is_that_of_the_series() -> None:
    figures = run("growth", models=points(10), memories=points(2)).figures
    assert figures["models_in_two_years"].value == pytest.approx(10)
    assert figures["memories_in_two_years"].value == pytest.approx(2)
    assert figures["ratio"].value == pytest.approx(5)


def test_growth_of_too_few_points_is_refused() -> None:
    with pytest.raises(UsageError, match="3 points"):
        run("growth", models=points(10), memories=points(2), split=2020)


def test_an_access_is_so_many_orders_above_an_addition_on_a_word_of_it() -> None:
    table = {"operations": {"add": about(0.9)}, "accesses": {"dram": about(1950, 1300, 2600)}}
    figure = run("accesses", **table, operation="add", access="dram").figures["orders"]
    assert figure.value == pytest.approx(log10(1950 / 2 / 0.9))
    assert figure.low == pytest.approx(log10(1300 / 2 / 0.9))
    with pytest.raises(UsageError, match="no access 'sram'"):
        run("accesses", **table, operation="add", access="sram")


def test_a_compute_in_memory_macro_takes_fewer_watts_for_a_petaflops_than_a_gpu() -> None:
    found = run(
        "power", targets=["a100-80", "isscc22-15-5"], works=["matmul m=4096 n=4096 k=4096", "matmul m=64 n=64 k=64"],
        limit=50, efficiency=0.5,
    )  # fmt: skip
    assert found.figures["least"].value < 50
    assert found.because["targets_within"] == "of 2 targets: isscc22-15-5 (i8)"
    assert found.figures["least_of_whole_chips"].value > 500  # an A100 takes 400 W for 312 TFLOP/s, 624 Top/s in i8


PRODUCT = "matmul m=4096 n=4096 k=4096"


def test_every_target_that_has_a_unit_counts_and_is_told() -> None:
    """The bare arrays of Metis come first by name; the card of the same arrays counts, too."""
    found = run("power", targets=["axelera-metis*"], works=[PRODUCT], limit=200, efficiency=0.5)
    assert found.because["targets_within"] == "of 2 targets: axelera-metis (i8), axelera-metis-card (i8)"
    whole = [row[0] for row in found.tables[0].rows if row[4] == "yes"]
    assert set(whole) == {"axelera-metis-card"}


def test_a_unit_that_is_idle_most_of_the_time_reaches_no_limit_even_by_its_arithmetic() -> None:
    found = run("power", targets=["a100-80"], works=["matmul m=64 n=64 k=64"], limit=1e9, efficiency=0.5)
    assert found.figures["targets_within_arithmetic"].value == 0
    assert "least_arithmetic" in found.why_not


def test_the_least_of_a_technology_is_of_its_class() -> None:
    asked = {"targets": ["rram-cim", "isscc22-15-5"], "works": [PRODUCT], "limit": 50, "efficiency": 0.5}
    found = run("power", **asked, technology="cim-rram")
    assert found.because["least_of_technology"].startswith("rram-cim-128 of rram-cim in i8")
    assert found.figures["least_of_technology"].value > found.figures["least"].value


def test_shifting_and_adding_of_an_analog_array_is_arithmetic() -> None:
    target = load_target("rram-cim")
    work, _ = work_of_text("matmul m=64 n=128 k=128")
    causes = price(target, target.unit["cim0"], work)["energy_by_cause_j"]
    assert "shift-add" in causes
    assert {c for c in causes if not c.startswith(("memory", "buffer"))} <= set(ARITHMETIC)


def test_a_machine_that_alone_takes_more_than_the_power_is_refused() -> None:
    bench = Bench({"q": Asked(model="m.onnx", target="h100-sxm")}, Path("nowhere"))
    check = KINDS["equal-power"].model_validate({"power_w": 700, "pairs": [{"on": "q", "against": "q"}]})
    with pytest.raises(UsageError, match=r"h100-sxm alone takes 975 W of 700 W"):
        check.run(bench, {})


def test_a_picture_without_its_network_cannot_be_checked() -> None:
    with pytest.raises(Unanswered, match=r"no model unet\.onnx"):
        run("pictures", networks=[{"model": "unet.onnx", "dims": {}}], steps=about(50), evaluations=about(2))


@pytest.mark.parametrize("ask", [Bench.answer, lambda bench, name: answerable(bench, [name])])
def test_nothing_is_compiled_after_an_interruption(tmp_path: Path, ask: Callable[[Bench, str], object]) -> None:
    (tmp_path / "m.onnx").write_bytes(b"")
    bench = Bench({"q": Asked(model="m.onnx", target="superhet")}, tmp_path, tmp_path / "out")
    bench.stop.set()
    with pytest.raises(Unanswered, match="interrupted"):
        ask(bench, "q")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_call_of_stable_diffusion_takes_the_operations_that_others_count(tmp_path: Path) -> None:
    """About 400 GMAC for an image of 512 x 512 (recalled: counts of torch profilers)."""
    (tmp_path / "unet.onnx").write_bytes(MODELS["stable-diffusion-unet"](None, None).SerializeToString())
    network = {"model": "unet.onnx", "dims": {"batch": 1, "seq": 77}}
    check = KINDS["pictures"].model_validate(
        {"networks": [network], "steps": about(50, 20, 50), "evaluations": about(2, 1, 2)}
    )
    figures = check.run(Bench({}, tmp_path), {}).figures
    assert figures["per_step"].value == pytest.approx(2 * 0.8, rel=0.03)
    assert figures["per_picture"].low == pytest.approx(20 * 0.8, rel=0.03)
