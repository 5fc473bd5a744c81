"""Writing the weights into the units once, before the first request: time and energy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from mapper.cost.estimate import Estimator
from mapper.cost.places import Places
from mapper.cost.shards.names import weights_division
from mapper.cost.shards.spread import Spread
from mapper.cost.transfers import Step
from mapper.hw.target import Unit
from mapper.hw.work import PJ_PER_J, TICKS_PER_SECOND, Cost, DType
from mapper.ir.plan import Place, Plan


def deployment(plan: Plan) -> tuple[float, float]:
    """Seconds and joules to write the weights into the units once.

    Units are written side by side, each one op by op and copy by copy. Meanwhile the weights come from the memory where
    graph inputs appear, each once for all copies; what takes longest, a unit or a link or memory on the way, is the
    time.
    """
    estimator = Estimator(plan.target, plan.graph, plan.phases, plan.precision)
    places = Places(plan.target, estimator)
    ticks: Counter[str] = Counter()
    pj = 0
    for unit, place, cost in _written(plan, estimator):
        ticks[unit.name] += place.replicas * cost.ticks
        pj += place.replicas * cost.total_pj
        for step in _sent(places, unit, cost):
            ticks.update(dict.fromkeys(step.exclusive, step.hold))
            ticks.update({memory: step.sets * busy for memory, busy in step.channels})
            pj += step.copies * sum(energy for _, energy in step.energy_pj)
    return max(ticks.values(), default=0) / TICKS_PER_SECOND, pj / PJ_PER_J


def _written(plan: Plan, estimator: Estimator) -> Iterator[tuple[Unit, Place, Cost]]:
    """Each weight that is written into a unit, once for each number of copies."""
    done = set()
    for task in plan.tasks or ():
        place = plan.place[task.name]
        unit = plan.target.unit[place.unit]
        key = (plan.holder[task.cluster], place.unit, place.weights, place.replicas, weights_division(place.shard))
        option = plan.chosen(task.name)
        if not place.weights or key in done or not estimator.is_resident(unit, option.source):
            continue
        done.add(key)
        cost = estimator.deploy(plan.cluster[task.cluster], unit, place.shard)
        if cost.ticks:
            yield unit, place, cost


def _sent(places: Places, unit: Unit, cost: Cost) -> tuple[Step, ...]:
    """How the bytes of a weight come to a unit that is written; nothing where they lie there already."""
    return places.steps(Spread(cost.weight_bytes), DType.I8, places.io, places.of(unit))
