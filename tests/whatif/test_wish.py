"""Goals that people wish for, figures that may move, and what moving them costs."""

import pytest

from mapper.errors import UsageError
from mapper.hw.load import load_target
from mapper.hw.parameters import parameters
from mapper.ir.goal import Limit, Quantity
from mapper.whatif.levers import STEPS, Lever, better, levers, parse_prices
from mapper.whatif.values import Values
from mapper.whatif.wish import parse_wish

NOW = Values(0.01, 100.0, 0.25, 0.04, 0.002, 3.0, 0.02, 300.0)
EDGE = load_target("edge-npu")


@pytest.mark.parametrize(
    ("text", "quantity", "value"),
    [
        ("throughput=1000", Quantity.THROUGHPUT, 1000.0),
        ("throughput >= 1000/s", Quantity.THROUGHPUT, 1000.0),
        ("throughput=1.5x", Quantity.THROUGHPUT, 150.0),
        ("throughput>=1.5 x", Quantity.THROUGHPUT, 150.0),
        ("latency<=200ms", Quantity.LATENCY, 0.2),
        ("latency=0.5x", Quantity.LATENCY, 0.125),
        ("ttft=30ms", Quantity.TTFT, 0.03),
        ("tpot<=1ms", Quantity.TPOT, 0.001),
        ("energy<=2", Quantity.ENERGY, 2.0),
    ],
)
def test_goals_are_read(text: str, quantity: Quantity, value: float) -> None:
    wish = parse_wish(text, NOW)
    assert wish.limit.quantity is quantity
    assert wish.limit.value == pytest.approx(value)
    assert not wish.holds


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("throughput<=1000", "limited from below; write throughput>=1000"),
        ("latency>=2", "limited from above; write latency<=2"),
        ("power<=300", "only throughput, latency, ttft, tpot, energy can be reached"),
        ("speed=3", "'speed' cannot be limited"),
        ("throughput", "cannot read the limit 'throughput'"),
        ("throughput=0", "no number above 0"),
        ("throughput=nan", "cannot read the limit"),
        ("latency<=3 W", "cannot read the limit|counted in s"),
    ],
)
def test_goals_that_nobody_can_mean_are_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as found:
        parse_wish(text, NOW)
    assert found.value.message.startswith("--reach")


def test_a_goal_that_holds_already_is_told_as_such() -> None:
    assert parse_wish("throughput=99", NOW).holds
    assert parse_wish("latency<=1", NOW).holds
    assert not parse_wish("throughput=101", NOW).holds


def test_a_plan_without_later_tokens_has_no_time_of_them() -> None:
    encoder = Values(0.01, 100.0, 0.25, 0.04, None, 3.0, 0.02, 300.0)
    with pytest.raises(UsageError, match="no phase of this plan makes tokens"):
        parse_wish("tpot=1ms", encoder)


def test_a_goal_is_a_limit_of_the_objective_that_seeks_it() -> None:
    assert parse_wish("throughput=200", NOW).cost == pytest.approx(0.005)
    assert parse_wish("throughput=200", NOW).limit == Limit(Quantity.THROUGHPUT, 200.0)
    assert parse_wish("latency=0.2", NOW).cost == pytest.approx(0.2)


def test_times_and_energies_go_down_rates_and_sizes_up_and_what_may_be_either_both_ways() -> None:
    ways = {p.name: better(p) for p in parameters(EDGE)}
    assert ways["dsa.clock_hz"] == ways["lpddr.capacity_bytes"] == ways["cpu.cores"] == (True,)
    assert ways["dsa.task_overhead_s"] == ways["lpddr.energy_pj_per_bit"] == ways["cpu.idle_power_w"] == (False,)
    assert ways["dsa.rows"] == (True, False)


def test_no_efficiency_goes_beyond_all_that_is_there() -> None:
    for lever in levers(EDGE, {}):
        if "efficiency" in lever.parameter.name:
            assert lever.parameter.value * 2 ** (lever.most / STEPS) <= 1


def test_a_whole_number_goes_to_whole_numbers_at_the_cost_of_the_nearest() -> None:
    arrays = next(p for p in parameters(EDGE) if p.name == "dsa.arrays")
    lever = Lever(arrays, True, 32, price=2.0)
    assert arrays.value == 1
    figures = [lever.change(k).of(arrays.value, True) for k in lever.steps(1, 16)]
    assert figures == [2.0, 3.0, 4.0]
    assert lever.cost(lever.steps(1, 16)[-1]) == pytest.approx(4.0)


def test_prices_are_those_of_all_figures_that_a_pattern_means() -> None:
    found = parse_prices(["dsa.*=3", "dsa.clock_hz=0.5", "lpddr.*=inf"], EDGE)
    assert found["dsa.rows"] == 3.0
    assert found["dsa.clock_hz"] == 0.5
    assert not any(lever.parameter.name.startswith("lpddr") for lever in levers(EDGE, found))


@pytest.mark.parametrize("text", ["dsa.clock_hz", "dsa.clock_hz=-1", "dsa.clock_hz=0", "dsa.clok_hz=2", "=3"])
def test_prices_that_cannot_be_paid_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--price"):
        parse_prices([text], EDGE)
