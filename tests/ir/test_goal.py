import pytest

from mapper.errors import UsageError
from mapper.ir.goal import Goal, Limit, Objective, Quantity, parse_goal


@pytest.mark.parametrize("objective", list(Objective))
def test_an_objective_alone_is_a_goal(objective: Objective) -> None:
    assert parse_goal(objective.value) == Goal(objective)


@pytest.mark.parametrize(
    "text",
    [
        "throughput subject to latency<=0.2 power<=700",
        "throughput subject to latency<0.2, power < 700 W",
        "throughput s.t. latency=<200ms and power<=0.7kW",
        "Throughput  Subject To latency <= 2e-1 s; power ≤ 700",
    ],
)
def test_limits_are_read_in_any_spelling(text: str) -> None:
    goal = parse_goal(text)
    assert goal.objective is Objective.THROUGHPUT
    assert goal.limit(Quantity.LATENCY) == pytest.approx(0.2)
    assert goal.limit(Quantity.POWER) == pytest.approx(700)


def test_every_quantity_can_be_limited_and_read_back() -> None:
    text = "energy subject to throughput>=5 latency<=0.2 ttft<=50ms tpot<=9us energy<=3mJ power<=70 inflight<=8"
    goal = parse_goal(text)
    assert {x.quantity for x in goal.limits} == set(Quantity)
    assert parse_goal(str(goal)) == goal


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("speed", "throughput"),
        ("throughput subject to", "no objective"),
        ("throughput subject to latency", "cannot read the limit"),
        ("throughput subject to beauty<=3", "cannot be limited"),
        ("throughput subject to latency>=3", "limited from above; write latency<=3"),
        ("energy subject to throughput<=3", "limited from below; write throughput>=3"),
        ("throughput subject to latency<=0", "no number above 0"),
        ("throughput subject to latency<=-1", "no number above 0"),
        ("throughput subject to latency<=3W", "counted in s"),
        ("throughput subject to inflight<=2.5", "whole numbers"),
        ("throughput subject to latency<=1 latency<=2", "limited twice"),
        ("throughput subject to latency<=1x power<=2", "cannot read"),
    ],
)
def test_what_cannot_be_read_is_told(text: str, words: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_goal(text)
    assert words in str(error.value)


def test_a_limit_is_exceeded_by_a_part_of_itself() -> None:
    assert Limit(Quantity.LATENCY, 2.0).excess(3.0) == pytest.approx(0.5)
    assert Limit(Quantity.LATENCY, 2.0).excess(2.0) == 0
    assert Limit(Quantity.THROUGHPUT, 3.0).excess(2.0) == pytest.approx(0.5)
    assert Limit(Quantity.THROUGHPUT, 3.0).excess(4.0) == 0
