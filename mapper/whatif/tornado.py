"""The tornado table: every figure of a target doubled and halved, sorted by what that does to the plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from mapper.errors import MapperError
from mapper.execution.forked import spread
from mapper.hw.parameters import Parameter, parameters
from mapper.hw.what_if import Change
from mapper.whatif.answers import Answer, Asker
from mapper.whatif.learning import FACTOR, learn
from mapper.whatif.shadow import NOISE, Price, Proofs, price
from mapper.whatif.workers import answered

FELT = 5e-4
"""Relative changes below this are told as none: half of what is printed as 0.1 %."""

PRICED = 10
"""Rows with a shadow price: those with the largest effect."""

PATIENCE = 0.05
"""In a table nothing is placed anew where the gap is no larger than this."""


@dataclass(frozen=True)
class Row:
    """A figure, and what becomes of the plan with it divided and multiplied by `FACTOR`; None: not asked yet. price:
    its shadow price to the better side; None where it is not known, or not asked for."""

    parameter: Parameter
    less: Answer | None
    more: Answer | None
    price: Price | None = None

    @property
    def answers(self) -> tuple[Answer, ...]:
        """What was answered."""
        return tuple(a for a in (self.less, self.more) if a is not None)

    @property
    def effect(self) -> float:
        """The larger change of the objective, up or down; that there is no plan counts like losing all."""
        return max((abs(a.gain) for a in self.answers if a.after or not refused(a)), default=0.0)

    @property
    def better(self) -> bool | None:
        """Whether the bound falls where the figure grows (True), or where it shrinks; None where it does not fall. Of
        a figure that goes one way only, the side that does not lose."""
        known = [(a.bound, larger) for a, larger in ((self.less, False), (self.more, True)) if a and a.bound]
        if len(known) == 1:
            (_, larger), alone = known[0], self.less if self.less and self.less.bound else self.more
            return larger if alone is None or alone.gain >= -FELT else not larger
        if not known or min(known)[0] > max(known)[0] * (1 - NOISE):
            return None
        return min(known)[1]

    @property
    def energy(self) -> float:
        """The larger relative change of the energy per request."""
        pairs = [(a.before.energy_j, a.after.energy_j) for a in self.answers if a.after]
        return max((abs(after / before - 1) for before, after in pairs if before), default=0.0)

    @property
    def felt(self) -> bool:
        """Whether anything that is told of a plan changes."""
        return any(_felt(a) for a in self.answers)


@dataclass(frozen=True)
class Tornado:
    """The rows of all figures, those with the largest effect first; whether all were asked."""

    asker: Asker
    rows: tuple[Row, ...]

    @property
    def complete(self) -> bool:
        """Whether every question was answered."""
        return all(len(row.answers) == 2 for row in self.rows)

    @property
    def felt(self) -> tuple[Row, ...]:
        """The rows that change something."""
        return tuple(row for row in self.rows if row.felt)

    @property
    def moving(self) -> tuple[Row, ...]:
        """The rows that change the objective."""
        return tuple(row for row in self.felt if row.effect >= FELT)

    @property
    def beside(self) -> tuple[Row, ...]:
        """The rows that change other values alone, those that change the energy most first."""
        return tuple(sorted((row for row in self.felt if row.effect < FELT), key=lambda row: -round(row.energy, 6)))

    @property
    def silent(self) -> tuple[Row, ...]:
        """The rows that were asked and change nothing."""
        return tuple(row for row in self.rows if row.answers and not row.felt)

    @property
    def gap(self) -> float:
        """The largest gap of any answer."""
        return max((a.gap or 0.0 for row in self.rows for a in row.answers), default=0.0)


def refused(answer: Answer) -> bool:
    """Whether the figure takes no such value: nothing was asked of the plan."""
    return answer.after is None and answer.is_refused


def _felt(answer: Answer) -> bool:
    if answer.after is None:
        return not refused(answer)
    before, after = answer.before, answer.after
    pairs = [
        (before.throughput_per_s, after.throughput_per_s),
        (before.latency_s, after.latency_s),
        (before.energy_j, after.energy_j),
    ]
    return any(abs(b / a - 1) > FELT for a, b in pairs if a)


def tornado(
    asker: Asker,
    chosen: Sequence[Parameter] | None = None,
    workers: int = 2,
    found: Callable[[int, int], None] = lambda done, of: None,
) -> Tornado:
    """The table of all parameters of the plan's target, or of those chosen. found is told how many questions of how
    many are answered. Where the asker's context is stopped, what is done by then is told. The number of workers changes
    nothing but the time."""
    some = parameters(asker.plan.target) if chosen is None else tuple(chosen)
    proofs = Proofs(asker.plan)
    learn(asker, some, proofs, workers)
    factors = (1 / FACTOR, FACTOR)
    asked = [(Change(p.name, factor=f),) for p in some for f in factors]
    answers: dict[int, Answer] = {}
    for i, answer in answered(asker, asked, workers, lanes=len(factors)):  # twice the clock is twice the rate
        answers[i] = answer
        found(len(answers), len(asked))
    rows = [Row(p, answers.get(2 * i), answers.get(2 * i + 1)) for i, p in enumerate(some)]
    rows.sort(key=lambda row: (-round(row.effect, 6), -round(row.energy, 6)))
    return _priced(Tornado(asker, tuple(rows)), proofs, workers)


def _priced(found: Tornado, proofs: Proofs, workers: int) -> Tornado:
    """The table with the shadow prices of its first rows: a proof each, with that figure a step better."""
    asked = [(row, row.better) for row in found.moving[:PRICED] if row.better is not None]
    if not asked or found.asker.context.stop.is_set():
        return found
    try:
        proofs.bound()  # once, before there are several of it
    except MapperError:  # passes of a package that is not installed here
        return found
    prices: dict[str, Price | None] = {}
    for i, known in spread(lambda i: _price(proofs, *asked[i]), len(asked), workers, found.asker.context.stop):
        prices[asked[i][0].parameter.name] = known
    return replace(found, rows=tuple(replace(row, price=prices.get(row.parameter.name)) for row in found.rows))


def _price(proofs: Proofs, row: Row, larger: bool) -> Price | None:
    try:
        return price(proofs, row.parameter, larger)
    except MapperError:
        return None
