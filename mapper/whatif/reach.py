"""The cheapest change of a target by which a plan reaches a goal: proofs tell where to look, judged plans decide."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import inf, log
from typing import ParamSpec

from mapper.errors import Infeasible
from mapper.execution.forked import spread
from mapper.hw.what_if import Change, Refused
from mapper.whatif.answers import ENOUGH, Answer, Asker
from mapper.whatif.levers import STEPS, Lever, levers, parse_prices
from mapper.whatif.shadow import Proofs
from mapper.whatif.wish import Wish, parse_wish

ANSWERS = 16
"""Plans that are made and judged for one goal at most."""

STRIDE = STEPS // 2
"""Steps by which one of several figures is moved on at a time."""

MANY = 10
"""Figures that are moved together at most: those with the largest effect alone."""

CLOSE = 2e-3
"""Relative gap below which a plan is not hoped to be any nearer to its bound."""

HELPS = 2e-3
"""Relative fall of a bound below which a figure brings nothing."""

EXACT = 1e-9
"""Relative difference below which a bound reaches a value."""

Moves = tuple[tuple[Lever, int], ...]
"""Figures that are moved, each by so many steps."""

State = dict[Lever, int]

_Asked = ParamSpec("_Asked")

Tell = Callable[[str], None]
"""Is told what comes next."""


@dataclass(frozen=True)
class Way:
    """A change that reaches a goal. answer: the judged plan that does; None where `least` alone is known: no smaller
    change of this figure reaches it, by proof. cost: of the change, or of that least one."""

    moves: Moves
    cost: float
    answer: Answer | None = None

    @property
    def changes(self) -> tuple[Change, ...]:
        """The change."""
        return tuple(lever.change(steps) for lever, steps in self.moves)


@dataclass(frozen=True)
class Reached:
    """What was found about a goal.

    ways: changes that reach it, the cheapest first; open: single figures that may reach it at no less than the cost
    told, dearer than the best way or left out when the plans to be made were used up; short: single figures that cannot
    reach it however far they go, with the proven best of the objective. already: a plan for the quantity on the target
    as it is that reaches it. bound: of the objective on the target as it is. farthest: the proven best with all figures
    as far as they go; None where not asked.
    """

    wish: Wish
    prices: tuple[str, ...]
    ways: tuple[Way, ...] = ()
    open: tuple[Way, ...] = ()
    short: tuple[tuple[Lever, float], ...] = ()
    already: Answer | None = None
    bound: float = 0.0
    farthest: float | None = None
    plans: int = 0
    stopped: bool = False

    @property
    def out_of_reach(self) -> bool:
        """Whether it is proved that all figures as far as they go at once do not reach the goal."""
        return self.farthest is not None and self.farthest > self.wish.cost * (1 + EXACT)


class Stopped(Exception):
    """No more proofs are to be made."""


def reach(
    asker: Asker, text: str, prices: Sequence[str] = (), tell: Tell = lambda _: None, workers: int = 1
) -> Reached:
    """The cheapest changes of the plan's target that reach the goal of a text. prices: what an octave (a factor of 2)
    of a figure costs, 1 where nothing is said. workers: processes that prove; they change nothing but the time. Raises
    UsageError for a goal or a price that cannot be read, Stopped where the asker's context is stopped before a plan is
    asked for; later, what is found by then is told."""
    wish = parse_wish(text, asker.before)
    known = parse_prices(prices, asker.plan.target)
    if wish.holds:
        return Reached(wish, tuple(prices))
    if wish.objective is not asker.plan.objective:
        asker = Asker(replace(asker.plan, objective=wish.objective), asker.effort, asker.context.stop)
        tell(f"a plan for {wish.objective.value} on the target as it is")
        again = asker.answer([])
        if again.after is not None and wish.kept(again.after):
            return Reached(wish, tuple(prices), already=again, plans=1)
    # The plan itself is asked for here, not what a change alone brings: each is searched to the end.
    near = Asker(asker.plan, asker.effort, asker.context.stop, asker.patience, sought=ENOUGH)
    return _Search(near, wish, levers(asker.plan.target, known), tell, workers).run(tuple(prices))


@dataclass
class _Search:
    """The search for one goal: what was asked and proved so far."""

    asker: Asker
    wish: Wish
    levers: tuple[Lever, ...]
    tell: Tell
    workers: int = 1
    proofs: Proofs = field(init=False)
    bounds: dict[Moves, float] = field(default_factory=dict)
    asked: dict[Moves, Answer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.proofs = Proofs(self.asker.plan)

    def run(self, prices: tuple[str, ...]) -> Reached:
        """Single figures by what they cost at least, then several together where that may be cheaper."""
        self.tell(f"how far each of {len(self.levers)} figures can bring it, by proof")
        self.bound(())
        self.prove(self.levers, lambda lever: self.bound(((lever, lever.most),)))
        alone = {lever: self.bound(((lever, lever.most),)) for lever in self.levers}
        able = [lever for lever in self.levers if self.enough(alone[lever])]
        short = tuple((lever, alone[lever]) for lever in self.levers if lever not in able)
        farthest = None
        if not able:
            farthest = self.farthest(alone)
            if not self.enough(farthest):
                return Reached(self.wish, prices, short=short, bound=self.bound(()), farthest=farthest)
        self.prove(able, self.least)
        least = sorted((Way(((x, k),), x.cost(k)) for x in able for k in [self.least(x)]), key=_order)
        ways: list[Way] = []
        rest: list[Way] = []
        known = self.bound(())
        for way in least:
            found = None
            if not self.spent and way.cost < _best(ways):
                found = self.unless_stopped(self.single, *way.moves[0], _best(ways))
            (rest if found is None else ways).append(found or way)
        together = self.unless_stopped(self.together, alone, _best(ways))
        ways += [together] if together is not None else []
        ways.sort(key=_order)
        plans, stopped = len(self.asked), self.asker.context.stop.is_set()
        return Reached(self.wish, prices, tuple(ways), tuple(rest), short, None, known, farthest, plans, stopped)

    def prove(self, these: Sequence[Lever], question: Callable[[Lever], object]) -> None:
        """Ask of each figure what needs proofs of it alone, side by side, and keep the bounds. Raises Stopped."""

        def one(i: int) -> dict[Moves, float]:
            question(these[i])
            return {moves: value for moves, value in self.bounds.items() if moves and moves[0][0] == these[i]}

        for _, found in spread(one, len(these), self.workers, self.asker.context.stop):
            self.bounds.update(found)

    def unless_stopped(
        self, search: Callable[_Asked, Way | None], *args: _Asked.args, **kw: _Asked.kwargs
    ) -> Way | None:
        """What a search finds; None where it was stopped before."""
        try:
            return search(*args, **kw)
        except Stopped:
            return None

    @property
    def spent(self) -> bool:
        """Whether no more plans are to be made."""
        return len(self.asked) >= ANSWERS or self.asker.context.stop.is_set()

    def enough(self, cost: float) -> bool:
        """Whether a value of the objective is good enough."""
        return cost <= self.wish.cost * (1 + EXACT)

    def helps(self, cost: float) -> bool:
        """Whether a bound is below that of the target as it is, by more than what rounding may do."""
        return cost < self.bound(()) * (1 - HELPS)

    def farthest(self, alone: dict[Lever, float]) -> float:
        """The least bound with figures as far as they go at once: all whose better way is known, or those that help
        alone. Neither need be below the other: the CPU model gives an op of fewer cycles fewer cores."""
        every = tuple((x, x.most) for x in self.levers if x.known)
        helping = tuple((x, x.most) for x in self.levers if self.helps(alone[x]))
        return min(self.bound(every), self.bound(helping))

    def bound(self, moves: Moves) -> float:
        """What no plan on the changed target is below; infinite where there is none. Raises Stopped."""
        if moves not in self.bounds:
            if self.asker.context.stop.is_set():
                raise Stopped
            try:
                found = self.proofs.bound([lever.change(steps) for lever, steps in moves]).value
            except (Refused, Infeasible):
                found = inf
            self.bounds[moves] = found
        return self.bounds[moves]

    def answer(self, moves: Moves) -> Answer:
        """The judged plan on the changed target."""
        if moves not in self.asked:
            changes = [lever.change(steps) for lever, steps in moves]
            self.tell(f"a plan with {', '.join(map(str, changes))}")
            self.asked[moves] = self.asker.answer(changes)
        return self.asked[moves]

    def least(self, lever: Lever, goal: float | None = None, first: int = 1) -> int:
        """The fewest steps of a figure with a bound that reaches the goal (or another value); its most if none does."""
        steps = lever.steps(first, lever.most)
        low, high = 0, len(steps) - 1
        while low < high:
            middle = (low + high) // 2
            if self.bound(((lever, steps[middle]),)) <= (goal or self.wish.cost) * (1 + EXACT):
                high = middle
            else:
                low = middle + 1
        return steps[high] if steps else lever.most

    def single(self, lever: Lever, steps: int, dearest: float) -> Way | None:
        """The least change of one figure whose judged plan reaches the goal; None where it costs as much as what is
        known, or no plan does."""
        failed = steps - 1
        while not self.spent and lever.cost(steps) < dearest:
            found = self.answer(((lever, steps),))
            if found.after is not None and self.wish.kept(found.after):
                return self.nearer(lever, failed, steps)
            failed = steps
            if steps == lever.most or found.after is None:
                return None
            over = found.after.objective / self.bound(((lever, steps),))
            steps = self.least(lever, self.wish.cost / over, steps + 1)
        return None

    def nearer(self, lever: Lever, failed: int, kept: int) -> Way:
        """The least step found between one that does not reach the goal and one that does."""
        while kept - failed > 1 and not self.spent:
            middle = (failed + kept) // 2
            found = self.answer(((lever, middle),))
            if found.after is not None and self.wish.kept(found.after):
                kept = middle
            else:
                failed = middle
        moves = ((lever, kept),)
        return Way(moves, lever.cost(kept), self.answer(moves))

    def together(self, alone: dict[Lever, float], dearest: float) -> Way | None:
        """Several figures moved together, by what each brings for its price, then back as far as the bound allows."""
        useful = sorted((x for x in self.levers if self.helps(alone[x])), key=lambda x: (alone[x], x.parameter.name))
        margin, best = self.likely_gap(), None
        state: State = {}
        while not self.spent:
            climbed = self.climbed(state, useful[:MANY], self.wish.cost / margin, dearest)
            if not climbed and margin > 1 + CLOSE:  # so near to the bound no plan has come yet, but may
                margin = 1 + (margin - 1) / 2
                continue
            state = self.trimmed(climbed, self.wish.cost / margin)
            moves = _moves(state)
            if len(moves) < 2 or _cost(moves) >= dearest or moves in self.asked:
                return best
            found = self.answer(moves)
            if found.after is None:
                return best
            margin = found.after.objective / self.bound(moves)
            if self.wish.kept(found.after):
                best, dearest = Way(moves, _cost(moves), found), _cost(moves)
                state = self.trimmed(state, self.wish.cost / margin)
                if _moves(state) == moves:
                    return best
        return best

    def likely_gap(self) -> float:
        """How many times the bound of its target a plan is likely to be: as near as any has come."""
        known = [a.after.objective / self.bound(moves) for moves, a in self.asked.items() if a.after is not None]
        return max(1.0, min([self.asker.before.objective / self.bound(()), *known]))

    def climbed(
        self, state: dict[Lever, int], useful: Sequence[Lever], goal: float, dearest: float
    ) -> dict[Lever, int]:
        """The figures moved on until the bound is as low as a goal; none where they cost as much as what is known."""
        state = dict(state)
        while (now := self.bound(_moves(state))) > goal * (1 + EXACT):
            tries = []
            for lever in useful:
                on = {**state, lever: min(lever.most, state.get(lever, 0) + STRIDE)}
                more = _cost(_moves(on)) - _cost(_moves(state))
                after = self.bound(_moves(on)) if more > 0 else inf
                if after < now:
                    tries.append((-log(now / max(after, goal)) / more, lever.parameter.name, on))
            if not tries or _cost(_moves(state)) >= dearest:
                return {}
            state = min(tries, key=lambda t: t[:2])[2]
        return state

    def trimmed(self, state: State, goal: float) -> State:
        """The figures moved back, the dearest first, as far as the bound stays as low as a goal."""
        state = dict(state)
        for lever in sorted(state, key=lambda x: (-x.price, x.parameter.name)):
            while state.get(lever, 0) > 0:
                back = {k: v for k, v in {**state, lever: state[lever] - 1}.items() if v}
                if self.bound(_moves(back)) > goal * (1 + EXACT):
                    break
                state = back
        return state


def _moves(state: State) -> Moves:
    return tuple(sorted(state.items(), key=lambda m: m[0].parameter.name))


def _cost(moves: Moves) -> float:
    found = 0.0
    for lever, steps in moves:
        try:
            found += lever.cost(steps)
        except Refused:  # a whole number that so few steps do not change
            return inf
    return found


def _best(ways: Sequence[Way]) -> float:
    return min((way.cost for way in ways), default=inf)


def _order(way: Way) -> tuple[float, str]:
    return way.cost, " ".join(lever.parameter.name for lever, _ in way.moves)
