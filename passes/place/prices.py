"""What an option costs any task of its class: loads, energy and places, without what is a task's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mapper.cost.engines import POWER, engine_of, power_ticks
from mapper.cost.estimate import Estimator
from mapper.cost.places import Place, Places
from mapper.ir.plan import Cluster, Option, Plan

OWN = "\0"
"""Stands for the cluster in the name of an engine of its own."""


@dataclass
class Names:
    """Names with indices, in order of first use."""

    names: dict[str, int] = field(default_factory=dict)

    def __getitem__(self, name: str) -> int:
        return self.names.setdefault(name, len(self.names))


@dataclass(frozen=True, slots=True)
class Price:
    """An option without what is a task's own. engine: its name, with `OWN` for the cluster; busy: its ticks; others:
    ticks of the other resources; cost: picojoules; weights: the memory that they come from."""

    name: str
    engine: str
    busy: int
    others: tuple[tuple[int, int], ...]
    place: int
    takes: int
    ticks: int
    machine: int
    cost: int
    weights: str

    def loads(self, engine: int) -> tuple[tuple[int, int], ...]:
        """Ticks by resource, where the engine has this index."""
        if not self.busy:
            return self.others
        mine, rest = self.busy, []
        for r, ticks in self.others:
            if r == engine:
                mine += ticks
            else:
                rest.append((r, ticks))
        rest.append((engine, mine))
        rest.sort()
        return tuple(rest)


class Prices:
    """The prices of a plan's options, each found once. Units are its first resources, others follow as they are met."""

    def __init__(self, plan: Plan, places: Places, estimator: Estimator, spots: Mapping[Place, int]) -> None:
        self.plan, self.places, self.estimator, self.spots = plan, places, estimator, spots
        self.resources = Names({unit.name: k for k, unit in enumerate(plan.target.units)})
        self._known: dict[tuple[str, int, str], Price] = {}

    def of(self, cluster: Cluster, phase: str, unit: str, option: Option) -> Price:
        """The price of one of a cluster's options on a unit: that of all clusters of its class."""
        key = (unit, id(option), phase)
        if key not in self._known:
            self._known[key] = self._priced(cluster, phase, unit, option)
        return self._known[key]

    def _priced(self, cluster: Cluster, phase: str, unit_name: str, option: Option) -> Price:
        plan = self.plan
        unit, cost = plan.target.unit[unit_name], option.cost(phase)
        calls = plan.phase[phase].calls
        key = (option.units, option.source, option.shard)
        same = plan.options_of[option.repeat]
        single = next(o for o in same if (o.units, o.source, o.shard) == key and o.replicas == 1)
        engine = engine_of(self.estimator, unit, OWN, option, single, phase)
        self.resources[engine.name.replace(OWN, plan.holder[cluster.name])]
        loads: dict[int, int] = {}
        energy = cost.total_pj
        weights = unit.weights[option.source] if option.source >= 0 else ""
        for name, size in ((unit.data, cost.data_bytes), (weights, cost.weight_bytes)):
            if name and size:
                memory = plan.target.memory[name]
                r = self.resources[name]
                loads[r] = loads.get(r, 0) + calls * round(size / memory.bandwidth_bytes_per_s * 1e12)
                energy += round(8 * size * memory.energy_pj_per_bit)
        loads[self.resources[POWER]] = calls * power_ticks(plan.target, energy)
        return Price(
            name=f"{unit_name} x{option.replicas}"
            + (f" from {weights}" if weights else "")
            + (f" by {option.shard}" if option.shard else ""),
            engine=engine.name,
            busy=calls * engine.load(cost.ticks),
            others=tuple(sorted((r, t) for r, t in loads.items() if t)),
            place=self.spots[self.places.of(unit, option.leaves)],
            takes=-1 if option.takes is option.leaves else self.spots[self.places.of(unit, option.takes)],
            ticks=cost.ticks,
            machine=self.resources[unit_name] if engine.name == unit_name and not engine.is_pool else -1,
            cost=calls * energy,
            weights=weights,
        )
