"""Shadow prices of a tiny plan, held against one another and against what must hold of any machine."""

import pytest
from real_plans import finished

from mapper.hw.parameters import Parameter, parameters
from mapper.ir.plan import Objective
from mapper.whatif.shadow import Price, Proofs, price, rests_on

RATES = ("clock_hz", "bandwidth_bytes_per_s")
TIMES = ("overhead_s", "latency_s", "time_s")


@pytest.fixture(scope="module")
def proofs() -> Proofs:
    return Proofs(finished())


def of(proofs: Proofs, name: str, larger: bool = True) -> Price | None:
    return price(proofs, named(proofs, name), larger)


def named(proofs: Proofs, name: str) -> Parameter:
    return next(p for p in parameters(proofs.plan.target) if p.name == name)


def test_what_is_slower_and_what_is_faster_have_one_price(proofs: Proofs) -> None:
    faster, slower = of(proofs, "dsa.task_overhead_s", False), of(proofs, "dsa.task_overhead_s")
    assert faster is not None
    assert slower is not None
    assert 0.3 < faster.percent == pytest.approx(-slower.percent, abs=0.01)


def test_figures_that_nothing_waits_for_have_no_price(proofs: Proofs) -> None:
    found = of(proofs, "lpddr.capacity_bytes")
    assert found is not None
    assert found.percent == 0.0


@pytest.mark.slow
def test_whole_numbers_go_to_the_next_one_and_never_to_none(proofs: Proofs) -> None:
    more, less = of(proofs, "dsa.arrays"), of(proofs, "dsa.arrays", False)
    assert more is not None
    assert more.change.value == 2
    assert less is None


@pytest.mark.slow
def test_a_figure_of_a_unit_brings_no_more_than_the_unit_carries(proofs: Proofs) -> None:
    carried = dict(rests_on(proofs.plan).rests_on)
    found = of(proofs, "cpu.speed")
    assert found is not None
    assert 0.1 < found.percent <= carried["cpu"] + 0.01


@pytest.mark.parametrize("objective", ["throughput", "energy", "latency"])
def test_all_of_a_bound_rests_on_something(proofs: Proofs, objective: str) -> None:
    found = rests_on(proofs.plan, Objective(objective))
    assert found.objective == objective
    assert sum(worth for name, worth in found.rests_on if "room" not in name) == pytest.approx(1.0, abs=0.02)
    assert found.relaxed <= found.value


@pytest.mark.slow
def test_prices_of_everything_that_takes_time_add_up_to_one(proofs: Proofs) -> None:
    """With every rate higher and every time shorter by a percent, so is every interval (Euler's theorem)."""
    total = 0.0
    for parameter in parameters(proofs.plan.target):
        if parameter.name.endswith((*RATES, *TIMES)):
            found = price(proofs, parameter, parameter.name.endswith(RATES))
            assert found is not None
            total += found.percent
    assert total == pytest.approx(1.0, abs=0.02)
