"""Prices of many pieces of work at once: each distinct question is asked once, and unit models are asked in batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from mapper.cost.asked import Typed
from mapper.cost.estimate import retyped
from mapper.errors import MapperError, did_you_mean
from mapper.hw.collective import collective
from mapper.hw.load import load_target
from mapper.hw.target import Target, Unit
from mapper.hw.work import ALL_REPLICAS, PJ_PER_J, TICKS_PER_SECOND, Cost, DType, Feed, Work


@dataclass(frozen=True, slots=True)
class Exchange:
    """A collective or a transfer among `ranks` units; `size_bytes` is the whole tensor (mapper.hw.collective)."""

    kind: str
    size_bytes: int
    ranks: int


@dataclass(frozen=True, slots=True)
class Question:
    """What something costs on a unit of a target; an empty unit means the main one.

    `stated` says that the types of the work are meant as they stand; otherwise each unit takes its own.
    """

    target: str
    unit: str
    what: Work | Exchange
    stated: bool = True


@dataclass(frozen=True, slots=True)
class Price:
    """Time, dynamic energy with the memories' share, and the relative error band of the time."""

    seconds: float
    joules: float
    band: float
    validated: bool

    @property
    def low_s(self) -> float:
        """The time if the model is too high by its whole band."""
        return self.seconds / (1 + self.band)

    @property
    def high_s(self) -> float:
        """The time if the model is too low by its whole band."""
        return self.seconds * (1 + self.band)


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a question has no price; `column` is the part of the question that is at fault."""

    why: str
    column: str = "kind"


Answer = Price | Refused


MOST_AT_ONCE = 4096
"""Works that a unit model is asked for together: enough to spread what a call costs, few enough for the caches."""


class Pricer:
    """Answers questions about any number of targets. Holds caches only; equal questions get equal answers."""

    def __init__(self) -> None:
        self._targets: dict[str, Target | Refused] = {}
        self._groups: dict[tuple[str, str], list[Group]] = {}
        self._main: dict[tuple[str, DType | None], list[Unit]] = {}

    def answers(self, questions: Sequence[Question]) -> list[Answer]:
        """An answer for each question, in their order."""
        places: dict[Question, int] = {}  # a question is a deep key, so it is looked up once
        asked_at = [places.setdefault(question, len(places)) for question in questions]
        answers: list[Answer] = []
        batches: dict[tuple[str, str, Feed], list[tuple[int, Work]]] = {}
        for place, question in enumerate(places):
            answer = self._placed(question)
            if isinstance(answer, tuple):
                target, unit, work = answer
                batches.setdefault((question.target, unit.name, feed_of(target, unit, work)), []).append((place, work))
                answer = _WAITS
            answers.append(answer)
        for (name, unit_name, feed), asked in batches.items():
            loaded = self._targets[name]
            assert isinstance(loaded, Target)
            for place, price in _prices(loaded, loaded.unit[unit_name], feed, asked):
                answers[place] = price
        return [answers[place] for place in asked_at]

    def target(self, name: str) -> Target | Refused:
        """The target of that name, loaded once; a problem with it concerns every row that names it."""
        if name not in self._targets:
            try:
                self._targets[name] = load_target(name)
            except MapperError as error:
                self._targets[name] = Refused(
                    f"{error.message}; {error.hint}" if error.hint else error.message, "target"
                )
        return self._targets[name]

    def _placed(self, question: Question) -> Answer | tuple[Target, Unit, Work]:
        """The unit for the work with the work in that unit's types, or an answer where no unit model is asked: the
        named one, or the first main one that can."""
        target, work = self.target(question.target), question.what
        if isinstance(target, Refused):
            return target
        if isinstance(work, Exchange):
            return self._exchange(question.target, target, question.unit, work)
        if question.unit and question.unit not in target.unit:
            return _no_unit(target, question.unit)
        key = (question.target, work.dtype if question.stated else None)
        if key not in self._main:
            self._main[key] = main_units(target, key[1])
        reasons = []
        for unit in [target.unit[question.unit]] if question.unit else self._main[key]:
            found = fitted(unit, work, question.stated)
            if isinstance(found, Work):
                return target, unit, found
            reasons.append(f"{unit.name}: {found}")
        return Refused("; ".join(reasons))

    def _exchange(self, name: str, target: Target, unit: str, what: Exchange) -> Answer:
        """The price of a collective on the target, or on the system that several of it form."""
        if unit and unit not in target.unit:
            return _no_unit(target, unit)
        answer = exchanged(target, self._groups_of(name, target, unit), what)
        if isinstance(answer, Price) or not target.system or unit:
            return answer
        system = self.target(target.system)
        if isinstance(system, Refused):
            return system
        return exchanged(system, self._groups_of(target.system, system, ""), what)

    def _groups_of(self, name: str, target: Target, unit: str) -> list[Group]:
        key = (name, unit)
        if key not in self._groups:
            self._groups[key] = groups(target, unit)
        return self._groups[key]


_WAITS = Refused("not asked yet")
"""Holds the place of an answer that a unit model is still to give."""


def _prices(target: Target, unit: Unit, feed: Feed, asked: Sequence[tuple[int, Work]]) -> Iterator[tuple[int, Price]]:
    """The places of works and their prices on the unit, under one feed."""
    for part in batched(asked, MOST_AT_ONCE):
        costs = unit.model.costs([work for _, work in part], feed)
        for (place, work), cost in zip(part, costs, strict=True):
            joules = sum(energy_by_cause(target, unit, work, cost).values())
            yield place, Price(cost.ticks / TICKS_PER_SECOND, joules, cost.band, cost.validated)


def batched(asked: Sequence[tuple[int, Work]], size: int) -> Iterator[Sequence[tuple[int, Work]]]:
    """The sequence in parts of at most `size`."""
    return (asked[i : i + size] for i in range(0, len(asked), size))


def feed_of(target: Target, unit: Unit, work: Work) -> Feed:
    """How the operands reach the unit: its data memory, and the first memory it takes weights from.

    Work that is priced alone has the whole unit: weights inside it have as many copies as there is room for.
    """
    weights = target.memory[unit.weights[0]] if unit.weights and work.weight else None
    data = target.memory[unit.data].bandwidth_bytes_per_s
    if weights is None:
        return Feed(data, data)
    resident = weights.unit == unit.name and unit.model.engine == "spatial"
    return Feed(data, None, ALL_REPLICAS) if resident else Feed(data, weights.bandwidth_bytes_per_s)


def energy_by_cause(target: Target, unit: Unit, work: Work, cost: Cost) -> dict[str, float]:
    """Joules by cause: those inside the unit, and those of the memories that its traffic goes to."""
    causes = {cause: pj / PJ_PER_J for cause, pj in cost.energy_pj}
    weights = target.memory[unit.weights[0]] if unit.weights and work.weight else None
    for memory, size in ((target.memory[unit.data], cost.data_bytes), (weights, cost.weight_bytes)):
        if memory is not None and size:
            cause = f"memory {memory.name}"
            causes[cause] = causes.get(cause, 0.0) + 8 * size * memory.energy_pj_per_bit / PJ_PER_J
    return causes


def main_units(target: Target, dtype: DType | None = None) -> list[Unit]:
    """One unit of each class, that with the highest peak (in `dtype` where it is given) first, else as in the file."""
    first = {unit.kind: unit for unit in reversed(target.units)}

    def peak(unit: Unit) -> float:
        peaks = unit.model.peak_ops_per_s()
        return peaks.get(dtype, 0.0) if dtype in peaks else max(peaks.values(), default=0.0)

    order = {unit.name: i for i, unit in enumerate(target.units)}
    return sorted(first.values(), key=lambda u: (-peak(u), order[u.name]))


def _no_unit(target: Target, unit: str) -> Refused:
    return Refused(f"{target.name} has no unit '{unit}'; {did_you_mean(unit, target.unit)}", "unit")


def fitted(unit: Unit, work: Work, stated: bool) -> Work | str:
    """The work as the unit computes it, or why it cannot.

    Where the types are stated, products compute in just that type; other arithmetic takes the unit's own type where it
    lacks the stated one, and the operands stay as they lie in memory.
    """
    if not stated:
        typed = retyped(unit, work, None)
        return typed.works[0] if isinstance(typed, Typed) else typed[1]
    dtype = unit.model.compute_dtype(work, work.dtype)
    if dtype is None and work.macs:
        return unit.model.why_not(work) or f"no {work.dtype} arithmetic for {work.kind}"
    dtype = dtype or unit.model.compute_dtype(work, None) or work.dtype
    meant = replace(work, dtype=dtype) if dtype is not work.dtype else work
    return unit.model.why_not(meant) or meant


@dataclass(frozen=True, slots=True)
class Group:
    """Units of one class, which a collective may be among."""

    kind: str
    names: tuple[str, ...]


def groups(target: Target, unit: str) -> list[Group]:
    """The class of the named unit, or all classes of the target, the main one first."""
    classes = [target.unit[unit]] if unit else main_units(target)
    return [Group(one.kind, tuple([u.name for u in target.units if u.kind == one.kind])) for one in classes]


def exchanged(target: Target, among: Sequence[Group], what: Exchange) -> Answer:
    """The price of a collective among the first units of the first class that has so many."""
    group = next((group for group in among if len(group.names) >= what.ranks), None)
    if group is None:
        have = f"{target.name} has {len(among[0].names)} {among[0].kind}"
        return Refused(f"{have}; {what.kind} among {what.ranks} needs a system of so many", "ranks")
    found = collective(target, what.kind, group.names[: what.ranks], what.size_bytes)
    return Price(found.seconds, found.energy_pj / PJ_PER_J, found.band, found.validated)


def prices(questions: Iterable[Question]) -> list[Answer]:
    """An answer for each question, from a fresh pricer."""
    return Pricer().answers(list(questions))
