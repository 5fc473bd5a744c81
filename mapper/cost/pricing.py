"""Prices of many pieces of work at once: each distinct question is asked once, and unit models are asked in batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from mapper.cost.estimate import Typed, retyped
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
        self._answers: dict[Question, Answer] = {}
        self._main: dict[tuple[str, DType | None], list[Unit]] = {}

    def answers(self, questions: Sequence[Question]) -> list[Answer]:
        """An answer for each question, in their order."""
        new = [q for q in dict.fromkeys(questions) if q not in self._answers]
        batches: dict[tuple[str, str, Feed], list[tuple[Question, Work]]] = {}
        for question in new:
            target = self.target(question.target)
            if isinstance(target, Refused):
                self._answers[question] = target
            elif isinstance(question.what, Exchange):
                self._answers[question] = self._exchange(target, question.unit, question.what)
            else:
                placed = self._placed(target, question, question.what)
                if isinstance(placed, Refused):
                    self._answers[question] = placed
                else:
                    unit, work = placed
                    key = (question.target, unit.name, feed_of(target, unit, work))
                    batches.setdefault(key, []).append((question, work))
        for (name, unit_name, feed), asked in batches.items():
            target = self.target(name)
            assert isinstance(target, Target)
            self._ask(target, target.unit[unit_name], feed, asked)
        return [self._answers[q] for q in questions]

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

    def _placed(self, target: Target, question: Question, work: Work) -> tuple[Unit, Work] | Refused:
        """The unit for the work with the work in that unit's types: the named one, or the first main one that can."""
        if question.unit and question.unit not in target.unit:
            return _no_unit(target, question.unit)
        key = (question.target, work.dtype if question.stated else None)
        if key not in self._main:
            self._main[key] = main_units(target, key[1])
        reasons = []
        for unit in [target.unit[question.unit]] if question.unit else self._main[key]:
            found = fitted(unit, work, question.stated)
            if isinstance(found, Work):
                return unit, found
            reasons.append(f"{unit.name}: {found}")
        return Refused("; ".join(reasons))

    def _exchange(self, target: Target, unit: str, what: Exchange) -> Answer:
        """The price of a collective on the target, or on the system that several of it form."""
        answer = exchanged(target, unit, what)
        if isinstance(answer, Price) or not target.system or unit:
            return answer
        system = self.target(target.system)
        return system if isinstance(system, Refused) else exchanged(system, "", what)

    def _ask(self, target: Target, unit: Unit, feed: Feed, asked: Sequence[tuple[Question, Work]]) -> None:
        for part in batched(asked, MOST_AT_ONCE):
            costs = unit.model.costs([work for _, work in part], feed)
            for (question, work), cost in zip(part, costs, strict=True):
                joules = sum(energy_by_cause(target, unit, work, cost).values())
                self._answers[question] = Price(cost.ticks / TICKS_PER_SECOND, joules, cost.band, cost.validated)


def batched(asked: Sequence[tuple[Question, Work]], size: int) -> Iterator[Sequence[tuple[Question, Work]]]:
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


def exchanged(target: Target, unit: str, what: Exchange) -> Answer:
    """The price of a collective among the first units of the class of `unit`, or of the main class with so many."""
    if unit and unit not in target.unit:
        return _no_unit(target, unit)
    classes = [target.unit[unit]] if unit else main_units(target)
    alike = [[u.name for u in target.units if u.kind == one.kind] for one in classes]
    names = next((names for names in alike if len(names) >= what.ranks), None)
    if names is None:
        have = f"{target.name} has {len(alike[0])} {classes[0].kind}"
        return Refused(f"{have}; {what.kind} among {what.ranks} needs a system of so many", "ranks")
    found = collective(target, what.kind, names[: what.ranks], what.size_bytes)
    return Price(found.seconds, found.energy_pj / PJ_PER_J, found.band, found.validated)


def prices(questions: Iterable[Question]) -> list[Answer]:
    """An answer for each question, from a fresh pricer."""
    return Pricer().answers(list(questions))
