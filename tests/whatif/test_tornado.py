"""The tornado table: sorted by effect, the same for any number of workers, what is refused or lost told in words."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from math import log

import pytest
from browser import Open
from real_plans import finished

from mapper.hw.parameters import Parameter, parameters
from mapper.hw.what_if import Change
from mapper.ir.goal import Objective
from mapper.whatif.answers import Answer, Asker
from mapper.whatif.data import tornado_data
from mapper.whatif.page import whatif_page
from mapper.whatif.shadow import Proofs
from mapper.whatif.text import answer_text, sure, table
from mapper.whatif.tornado import Row, Tornado, tornado

WIDTH = 118


@pytest.fixture(scope="module")
def asker() -> Asker:
    return Asker(finished("gpt2-tiny", "edge-npu"))


def worth(asker: Asker, name: str, times: float, throughput: float) -> Answer:
    """An answer in which so many times as many requests are served."""
    now = asker.before
    after = replace(
        now, objective=now.objective / throughput, throughput_per_s=now.throughput_per_s * throughput
    )  # fmt: skip
    return Answer((Change(name, factor=times),), now, after, after.objective * 0.99, 0.01, "as before")


def row(asker: Asker, name: str, less: float, more: float) -> Row:
    return Row(Parameter(name, 8.0), worth(asker, name, 0.5, less), worth(asker, name, 2.0, more))


def test_bars_stand_to_the_side_of_the_change_and_as_long_as_it_is(asker: Asker) -> None:
    rows = (row(asker, "cpu.cores", 0.5, 1.5), row(asker, "dsa.rows", 1.25, 0.75), row(asker, "dsa.columns", 1.0, 1.0))
    text = table(Tornado(asker, rows))
    cores, rows_ = (next(line for line in text.splitlines() if name in line) for name in ("cpu.cores", "dsa.rows"))
    assert "-50 % ▓▓▓▓▓▓▓▓│████████ +50 %" in cores
    assert "+25 %     ████│▓▓▓▓     -25 %" in rows_
    assert "no effect   dsa.columns" in text
    assert "within 1.0 %" in text
    assert max(map(len, text.splitlines())) <= WIDTH


def test_a_lost_plan_a_refused_figure_and_an_unasked_question_are_told_apart(asker: Asker) -> None:
    lost = Answer((Change("hbm.capacity_bytes", factor=0.5),), asker.before, refusal="does not fit: 3 bytes too many")
    refused = Answer((Change("dsa.arrays", factor=0.5),), asker.before, refusal="a whole number", is_refused=True)
    rows = (
        Row(Parameter("hbm.capacity_bytes", 8.0), lost, worth(asker, "hbm.capacity_bytes", 2.0, 1.0)),
        Row(Parameter("dsa.arrays", 1.0), refused, worth(asker, "dsa.arrays", 2.0, 1.5)),
        Row(Parameter("cpu.cores", 1.0), None, None),
    )
    text = table(Tornado(asker, rows))
    assert "no plan     hbm.capacity_bytes/=2: does not fit: 3 bytes too many" in text
    assert "not asked   a whole number: dsa.arrays/=2" in text
    assert "PARTIAL: stopped with 4 of 6 questions answered" in text


def test_the_better_side_of_a_figure_that_goes_one_way_only_is_the_one_that_does_not_lose(asker: Asker) -> None:
    refused = Answer((Change("dsa.rate", factor=2.0),), asker.before, refusal="at most 1", is_refused=True)
    full = Row(Parameter("dsa.rate", 1.0), worth(asker, "dsa.rate", 0.5, 0.8), refused)
    few = Row(Parameter("dsa.arrays", 1.0), refused, worth(asker, "dsa.arrays", 2.0, 1.5))
    assert full.better is True
    assert few.better is True
    assert row(asker, "cpu.cores", 0.5, 1.5).better is True
    assert row(asker, "link.latency_s", 1.5, 0.5).better is False


def test_a_table_fits_a_screen_and_all_of_it_is_shown_where_that_is_asked_for(asker: Asker) -> None:
    rows = tuple(row(asker, f"cpu.key{i:02}", 1 - 0.4 / (i + 1), 1.01 + 0.4 / (i + 1)) for i in range(30))
    found = Tornado(asker, (*rows, *(row(asker, f"dsa.none{i:02}", 1.0, 1.0) for i in range(90))))
    text, whole = table(found), table(found, whole=True)
    assert "cpu.key19" in text
    assert "cpu.key20" not in text
    assert "and 10 more that change the throughput by 2.9 % at most" in text
    assert len(text.splitlines()) < 40
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "cpu.key29" in whole
    assert "dsa.none89" in whole


def test_figures_that_only_energy_feels_stand_apart(asker: Asker) -> None:
    now = asker.before
    saved = Answer((Change("cpu.idle_power_w", factor=0.5),), now, replace(now, energy_j=now.energy_j / 2))
    rows = (
        Row(Parameter("cpu.idle_power_w", 1.0, unit_of_measure="W"), saved, None),
        row(asker, "cpu.cores", 0.5, 1.5),
    )
    text = table(Tornado(asker, rows))
    assert text.index("cpu.cores") < text.index("these change energy or latency only") < text.index("cpu.idle_power_w")


@pytest.mark.parametrize(
    ("goal", "told"), [(Objective.LATENCY, "18.5 us:"), (Objective.ENERGY, "18.5 uJ:"), (Objective.EDP, "18.5 uJ s:")]
)
def test_a_bound_is_told_in_the_unit_of_the_objective(asker: Asker, goal: Objective, told: str) -> None:
    other = Asker(replace(asker.plan, objective=goal))
    answer = Answer((), other.before, other.before, 18.5e-6, 0.01, "as before")
    text = answer_text(other, answer)
    assert f"better than {told} gap 1.0 %" in text
    assert " 0 %\n" in text
    assert "every task stays" in text


def test_how_sure_a_table_is_tells_the_worst_answer_and_how_many_are_like_it() -> None:
    assert sure([(0.044, "dsa*.rows/=2"), (1e-5, "cpu.cores*=2"), (0.002, "cpu.cores/=2")]) == (
        "every answer is within 4.4 % of the best there can be on its target (dsa*.rows/=2), 1 of 3 within 0.1 %"
    )
    assert sure([(0.044, "a"), (1e-5, "b"), (1e-5, "c")]).endswith("(a), all but 1 within 0.1 %")
    assert sure([(1e-5, "cpu.cores*=2")]).endswith("(cpu.cores*=2)")


def test_beside_an_energy_stand_throughput_and_latency() -> None:
    plan = replace(finished("gpt2-tiny", "edge-npu"), objective=Objective.ENERGY)
    head = next(line for line in table(Tornado(Asker(plan), ())).splitlines() if ", %" in line)
    assert head.split() == ["latency,", "%", "throughput,", "%"]


def test_rows_left_out_beside_an_energy_say_nothing_of_it() -> None:
    plan = replace(finished("gpt2-tiny", "edge-npu"), objective=Objective.ENERGY)
    other = Asker(plan)
    quicker = replace(other.before, latency_s=other.before.latency_s / 2)
    rows = [Row(Parameter(f"x{k}", 1.0), None, Answer((), other.before, quicker, found="as before")) for k in range(7)]
    assert "  and 2 more\n" in table(Tornado(other, tuple(rows)))


def test_a_figure_that_cannot_grow_is_better_where_it_does_not_shrink(asker: Asker) -> None:
    lost = worth(asker, "dsa.array_efficiency", 0.5, 0.8)
    full = Answer((Change("dsa.array_efficiency", factor=2.0),), asker.before, refusal="at most 1", is_refused=True)
    assert Row(Parameter("dsa.array_efficiency", 1.0), lost, full).better is True
    assert Row(Parameter("dsa.arrays", 1.0), full, worth(asker, "dsa.arrays", 2.0, 1.5)).better is True


def test_the_page_tells_how_sure_its_rows_are_and_what_was_not_asked(asker: Asker) -> None:
    full = Answer((Change("dsa.array_efficiency", factor=2.0),), asker.before, refusal="at most 1", is_refused=True)
    rows = (
        row(asker, "cpu.cores", 0.5, 1.5),
        Row(Parameter("dsa.array_efficiency", 1.0), worth(asker, "dsa.array_efficiency", 0.5, 0.8), full),
        row(asker, "dsa.none", 1.0, 1.0),
    )
    page = whatif_page(tornado_data(Tornado(asker, rows)))
    for words in ("within 1.0 %", "dsa.array_efficiency*=2 (at most 1)", '"no effect","dsa.none"', "throughput now: "):
        assert words in page


def test_what_has_no_plan_has_no_gain_in_the_data(asker: Asker) -> None:
    refused = Answer((Change("dsa.arrays", factor=0.5),), asker.before, refusal="a whole number", is_refused=True)
    rows = (Row(Parameter("dsa.arrays", 1.0), refused, worth(asker, "dsa.arrays", 2.0, 1.5)),)
    assert tornado_data(Tornado(asker, rows))["rows"][0]["less"]["gain"] is None


@pytest.mark.slow
def test_the_price_of_a_row_is_what_a_proof_of_the_changed_target_gives() -> None:
    plan = finished("gpt2-tiny", "edge-npu")
    some = [p for p in parameters(plan.target) if p.name in ("dsa.clock_hz", "lpddr.capacity_bytes")]
    first = tornado(Asker(plan), some, 2).rows[0]
    assert first.price is not None
    proofs = Proofs(plan)
    steps = [proofs.bound(c).value for c in ((), (Change("dsa.clock_hz", factor=1.01),))]
    assert first.price.percent == pytest.approx(log(steps[0] / steps[1]) / log(1.01), abs=1e-9)
    assert first.price.percent > 0


def test_names_of_models_steer_no_terminal_and_the_data_is_json(asker: Asker) -> None:
    found = Tornado(asker, (row(asker, "cpu.cores", 0.5, 1.5),))
    assert json.loads(json.dumps(tornado_data(found)))["rows"][0]["more"]["gain"] == pytest.approx(0.5)


@pytest.mark.slow
def test_the_page_shows_its_rows_and_complains_of_nothing(asker: Asker, opened: Open) -> None:
    found = opened(whatif_page(tornado_data(Tornado(asker, (row(asker, "<b>cpu.cores", 0.5, 1.5),)))))
    found.page.wait_for_selector("canvas")
    assert found.page.locator("b").count() == 0
    assert "the change of the throughput" in found.page.content()


def test_a_stopped_table_tells_what_is_done() -> None:
    stop = threading.Event()
    stop.set()
    found = tornado(Asker(finished("gpt2-tiny", "edge-npu"), stop=stop), workers=1)
    assert not found.complete
    assert not [r for r in found.rows if r.answers]


@pytest.mark.slow
def test_two_workers_and_one_find_the_same() -> None:
    plan = finished("gpt2-tiny", "edge-npu")
    some = [p for p in parameters(plan.target) if p.name in ("dsa.clock_hz", "lpddr.capacity_bytes", "dsa.arrays")]
    tables = [tornado(Asker(plan), some, workers) for workers in (1, 2)]
    assert tornado_data(tables[0]) == tornado_data(tables[1])
    assert table(tables[0]) == table(tables[1])
    assert tables[0].complete
    assert tables[0].rows[0].parameter.name == "dsa.clock_hz"
    assert [r.parameter.name for r in tables[0].silent] == ["lpddr.capacity_bytes"]
