"""Writing weights once: units are written side by side, and no quicker than their weights arrive."""

from __future__ import annotations

from dataclasses import replace

import pytest
from real_plans import finished

from mapper.ir.plan import Plan
from mapper.report.deployment import deployment


def narrowed(plan: Plan, factor: float) -> Plan:
    """The plan on links that are so many times slower."""
    links = tuple(replace(n, bandwidth_bytes_per_s=n.bandwidth_bytes_per_s / factor) for n in plan.target.links)
    return replace(plan, target=replace(plan.target, links=links))


def test_quick_links_leave_the_time_to_the_slowest_unit() -> None:
    plan = finished("gpt2-tiny", "rram-cim")
    assert deployment(plan)[0] == deployment(narrowed(plan, 2))[0] > 0


def test_slow_links_set_the_time() -> None:
    plan = finished("gpt2-tiny", "rram-cim")
    slow, slower = (deployment(narrowed(plan, factor))[0] for factor in (1e9, 2e9))
    assert slower == pytest.approx(2 * slow)
    assert slow > deployment(plan)[0]


def test_the_way_of_the_weights_takes_energy() -> None:
    plan = finished("gpt2-tiny", "rram-cim")
    links = tuple(replace(n, energy_pj_per_bit=0.0) for n in plan.target.links)
    assert deployment(plan)[1] > deployment(replace(plan, target=replace(plan.target, links=links)))[1] > 0


def test_a_machine_that_streams_its_weights_deploys_nothing() -> None:
    assert deployment(finished("bert-tiny", "a100-80")) == (0.0, 0.0)
