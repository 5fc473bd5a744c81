"""The tornado table: sorted by effect, the same for any number of workers, what is refused or lost told in words."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import pytest
from browser import Open
from real_plans import finished

from mapper.hw.parameters import Parameter, parameters
from mapper.hw.what_if import Change
from mapper.whatif.answers import Answer, Asker
from mapper.whatif.data import tornado_data
from mapper.whatif.page import whatif_page
from mapper.whatif.text import table
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
    assert "-50 % ▓▓▓▓▓▓▓▓▓▓▓│███████████ +50 %" in cores
    assert "+25 %      ██████│▓▓▓▓▓▓      -25 %" in rows_
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
    assert "takes no such value: dsa.arrays" in text
    assert "2 questions of 6 were not answered" in text


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
