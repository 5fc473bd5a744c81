"""The tornado table and single answers as text: bars to both sides, better to the right."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from mapper.hw.parameters import Parameter
from mapper.ir.goal import Objective
from mapper.report.units import figure, percent, shorten, si
from mapper.whatif.answers import Answer, Asker
from mapper.whatif.learning import FACTOR
from mapper.whatif.tornado import PRICED, Row, Tornado, refused
from mapper.whatif.values import Values

WIDTH = 118
SIDE = 8
"""Columns of a bar to each side."""
NAME, FIGURE, CHANGE, PAIR, PRICE = 32, 13, 8, 14, 7
"""Columns of a name, a figure, a change of the objective, a pair of other changes, and a shadow price."""

SHOWN, BESIDE, LISTED = 20, 5, 2
"""Rows of figures that change the objective, rows of others, and lines of a list of names, where not all are asked
for."""

HALVED, DOUBLED = ("halved", "doubled") if FACTOR == 2 else (f"/ {FACTOR:g}", f"x {FACTOR:g}")

NO_PLAN = "no plan"
REFUSED = "-"
WORSE = "worse"
"""Of a shadow price: the next step of the figure makes the bound worse, though a large one makes it better."""


def table(found: Tornado, whole: bool = False) -> str:
    """The rows that matter as lines, and in a few lines the others. whole: all rows and all names."""
    goal = found.asker.plan.objective
    moving, beside = found.moving, found.beside
    some, others = (len(moving), len(beside)) if whole else (SHOWN, BESIDE)
    lines = [_head(found.asker), *_partial(found), "", *_columns(goal)]
    most = max((_extent(row) for row in moving), default=0.0)
    lines += [_line(row, most, goal) for row in moving[:some]]
    if moving[some:]:
        lines.append(
            f"  and {len(moving) - some} more that change the {goal.value} by "
            f"{_signed(moving[some].effect).lstrip('+')} at most (--all shows them)"
        )
    if not moving:
        lines.append(f"  nothing that was asked changes the {goal.value} by 0.1 % or more")
    if beside:
        lines += ["", f"  these change {' or '.join(_beside(goal))} only"]
        lines += [_line(row, most, goal) for row in beside[:others]]
        if beside[others:]:
            most_energy = f", the energy by {_energy(beside[others])} at most" if goal is not Objective.ENERGY else ""
            lines.append(f"  and {len(beside) - others} more{most_energy}")
    lines += ["", *_legend(found, goal), *_notes(found, whole)]
    return "\n".join(lines) + "\n"


FIELDS = {"energy": "energy_j", "latency": "latency_s", "throughput": "throughput_per_s"}
"""What may be told beside the objective, and which of a plan's values it is."""


def _beside(goal: Objective) -> tuple[str, str]:
    """The two values that are told beside the objective."""
    one, other = [name for name in FIELDS if name != goal.value][:2]
    return one, other


def _energy(row: Row) -> str:
    return _signed(row.energy).lstrip("+")


def _partial(found: Tornado) -> list[str]:
    """A line above a table that was stopped."""
    unasked = sum(2 - len(row.answers) for row in found.rows)
    of = 2 * len(found.rows)
    return [f"  PARTIAL: stopped with {of - unasked} of {of} questions answered"] if unasked else []


def _legend(found: Tornado, goal: Objective) -> list[str]:
    """How the table is to be read."""
    others = " and ".join(_beside(goal))
    lines = [
        f"  {'▓' * 3} {HALVED}   {'█' * 3} {DOUBLED}   bars to the right are better, to the left worse",
        f"  {others}: what the plan found takes then; it is searched for the {goal.value}, not for them",
    ]
    if any(row.price for row in found.rows):
        least = "rises" if goal is Objective.THROUGHPUT else "falls"
        lines.append(
            f"  price: by so many % the proven bound of the {goal.value} {least} for each % the figure gets better "
            f"(first {PRICED} rows)"
        )
    return lines


def answer_text(asker: Asker, answer: Answer) -> str:
    """A single answer: before, after and the change of each value, and how well it is known."""
    asked = " and ".join(map(str, answer.changes)) or "the target as it is"
    if answer.precision is not None:
        asked += f" in {answer.precision.value}"
    lines = [_head(asker), "", f"  what if  {asked}"]
    if answer.after is None:
        return "\n".join([*lines, f"  no plan  {answer.refusal}"]) + "\n"
    lines += ["", f"  {'':<20}{'now':>14}{'then':>14}{'change':>11}"]
    for name, unit, one, other in _values(answer.before, answer.after):
        part = other / one - 1 if one else None
        change = "-" if part is None else "0 %" if abs(part) < 5e-4 else f"{100 * part:+.1f} %"
        lines.append(f"  {name:<20}{_value(one, unit):>14}{_value(other, unit):>14}{change:>11}")
    lines += [
        "",
        f"  found by     {answer.found}{': every task stays where it was' * (answer.found == 'as before')}",
        f"  proven       {_proven(answer, asker.plan.objective)}",
    ]
    return "\n".join(lines) + "\n"


def _head(asker: Asker) -> str:
    plan, now = asker.plan, asker.before
    values = f"{si(now.throughput_per_s)} requests/s"
    if plan.objective is not Objective.THROUGHPUT:
        unit = "J s" if plan.objective is Objective.EDP else "J" if plan.objective is Objective.ENERGY else "s"
        values = f"{plan.objective.value} {si(now.objective, unit)}"
    return f"  {shorten(plan.graph.name, 40)} on {shorten(plan.target.name, 30)} · {values}"


def _columns(goal: Objective) -> list[str]:
    one, other = _beside(goal)
    pair = f"{HALVED} {DOUBLED}"
    return [
        f"  {'':<{NAME}}{'':>{FIGURE}}{'':>{CHANGE}} {'':{2 * SIDE + 1}} {'':<{CHANGE}}"
        f"{f'{one}, %':>{PAIR}}{f'{other}, %':>{PAIR + 1}}",
        f"  {'figure':<{NAME}}{'is':>{FIGURE}}{HALVED:>{CHANGE}} {goal.value:^{2 * SIDE + 1}} {DOUBLED:<{CHANGE}}"
        f"{pair:>{PAIR}}{pair:>{PAIR + 1}}{'price':>{PRICE}}",
    ]


def _line(row: Row, most: float, goal: Objective) -> str:
    one, other = (FIELDS[name] for name in _beside(goal))
    price = "" if row.price is None else WORSE if row.price.percent < 0 else f"{row.price.percent:.2g}"
    return (
        f"  {_name(row.parameter.name):<{NAME}}{figure_of(row.parameter):>{FIGURE}}"
        f"{_change(row.less, goal):>{CHANGE}} {_bars(row, most)} {_change(row.more, goal):<{CHANGE}}"
        f"{_pair(row, one):>{PAIR}}{_pair(row, other):>{PAIR + 1}}{price:>{PRICE}}"
    ).rstrip()


def _name(name: str) -> str:
    """A name in its column, cut where --set takes the shorter word for it: in what it is measured in."""
    return shorten(name.removesuffix("_bytes_per_s") if len(name) > NAME else name, NAME - 1)


def figure_of(parameter: Parameter) -> str:
    """A figure with its unit of measure; of a table by number type 'to' the largest entry."""
    text = figure(parameter.value, parameter.unit_of_measure)
    return f"to {text}" if parameter.table else text


def _change(answer: Answer | None, goal: Objective) -> str:
    """The change of the objective as people say it: of requests per second, or of a time or an energy."""
    if answer is None:
        return "..."
    if answer.after is None:
        return REFUSED if refused(answer) else NO_PLAN
    if goal is Objective.THROUGHPUT:
        return _signed(answer.gain)
    return _signed(answer.after.objective / answer.before.objective - 1) if answer.before.objective else "0 %"


def _signed(part: float) -> str:
    """A relative change: '+33 %', '-0.4 %', '0 %', 'x12.3'."""
    if abs(part) < 5e-4:
        return "0 %"
    if part >= 9.995:
        return f"x{1 + part:.3g}"
    digits = 1 if abs(part) < 0.0995 else 0
    return f"{100 * part:+.{digits}f} %"


def _pair(row: Row, field: str) -> str:
    texts = []
    for answer in (row.less, row.more):
        if answer is None or answer.after is None:
            texts.append("..." if answer is None else REFUSED if refused(answer) else "none")
            continue
        before, after = getattr(answer.before, field), getattr(answer.after, field)
        texts.append(_signed(after / before - 1) if before else "0 %")
    return " ".join(f"{t.removesuffix(' %'):>{w}}" for t, w in zip(texts, (len(HALVED), len(DOUBLED)), strict=True))


def _extent(row: Row) -> float:
    """How long the row's longer bar is; a plan that is lost takes all room that there is."""
    return max((abs(a.gain) for a in row.answers if a.after is not None), default=0.0)


def _bars(row: Row, most: float) -> str:
    """Both answers to both sides of the line: to the right what is better."""
    left, right = [" "] * SIDE, [" "] * SIDE
    drawn = [(a, c) for a, c in ((row.less, "▓"), (row.more, "█")) if a is not None and not refused(a)]
    for answer, block in sorted(drawn, key=lambda d: -abs(d[0].gain)):
        part = 1.0 if answer.after is None else abs(answer.gain) / most if most else 0.0
        length = min(SIDE, max(round(part * SIDE), 1 if abs(answer.gain) >= 5e-4 else 0))
        side = right if answer.gain > 0 else left
        side[:length] = ["x" if answer.after is None else block] * length
    return "".join(reversed(left)) + "│" + "".join(right)


def _notes(found: Tornado, whole: bool) -> list[str]:
    lines = []
    if found.silent:
        lines.append(_listed("no effect", [row.parameter.name for row in found.silent], whole))
    kinds: dict[str, list[str]] = {}
    lost = []
    for answer in (a for row in found.rows for a in row.answers if a.refusal):
        if refused(answer):
            kinds.setdefault(re.sub(r"'[^']*' (is )?", "", answer.refusal), []).append(str(answer.changes[0]))
        else:
            lost.append(f"{answer.changes[0]}: {answer.refusal}")
    lines += [_listed("not asked", names, whole, f"{kind}: ") for kind, names in kinds.items()]
    some = len(lost) if whole else BESIDE
    lines += [f"  {NO_PLAN:<10}  {shorten(w, WIDTH - 14, end=True)}" for w in lost[:some]]
    if lost[some:]:
        lines.append(f"  {'':<10}  and {len(lost) - some} more without a plan (--all shows them)")
    known = [(a.gap, str(a.changes[0])) for row in found.felt for a in row.answers if a.gap is not None]
    if known:
        words = f"{sure(known)}; changes smaller than that may be the search's, not the chip's".replace(" %", "\0%")
        wrapped = textwrap.wrap(words, WIDTH - 14, break_on_hyphens=False)
        lines += [f"  {'proven' * (k == 0):<10}  {w}".replace("\0", " ") for k, w in enumerate(wrapped)]
    return lines


CLOSE = 0.001
"""A gap that hardly matters."""


def sure(gaps: Sequence[tuple[float, str]]) -> str:
    """How near the best all answers are, of (gap, change): the worst, and how many are as good as there."""
    gap, change = max(gaps, key=lambda pair: pair[0])
    others = sum(g > CLOSE for g, _ in gaps)
    near = f"all but {others}" if 2 * others < len(gaps) else f"{len(gaps) - others} of {len(gaps)}"
    close = f", {near} within {percent(CLOSE)}" if 0 < others < len(gaps) else ""
    return f"every answer is within {percent(gap)} of the best there can be on its target ({change}){close}"


def _listed(word: str, names: Sequence[str], whole: bool, before: str = "") -> str:
    """Names after a word, in as many lines as they take, or as are shown."""
    lines: list[str] = []
    line = f"  {word:<10}  {before}"
    for i, name in enumerate(names):
        if len(line) + len(name) + 2 > WIDTH - (14 if not whole and len(lines) == LISTED - 1 else 0):
            if not whole and len(lines) == LISTED - 1:
                return "\n".join([*lines, f"{line}and {len(names) - i} more"])
            lines.append(line.rstrip())
            line = " " * 14
        line += f"{name}, "
    return "\n".join([*lines, line.removesuffix(", ")])


def _values(before: Values, after: Values) -> list[tuple[str, str, float, float]]:
    rows = [
        ("throughput", "/s", before.throughput_per_s, after.throughput_per_s),
        ("latency", "s", before.latency_s, after.latency_s),
        ("time to first token", "s", before.ttft_s, after.ttft_s),
    ]
    if before.tpot_s is not None and after.tpot_s is not None:
        rows.append(("time per token", "s", before.tpot_s, after.tpot_s))
    return [
        *rows,
        ("energy", "J", before.energy_j, after.energy_j),
        ("energy per token", "J", before.energy_per_token_j, after.energy_per_token_j),
        ("power", "W", before.power_w, after.power_w),
    ]


def _value(value: float, unit: str) -> str:
    return f"{si(value)} {unit}" if unit == "/s" else si(value, unit)


def _cost(answer: Answer, goal: Objective) -> str:
    """The bound of an objective that is a time or an energy."""
    return si(answer.bound or 0.0, {Objective.ENERGY: "J", Objective.EDP: "J s"}.get(goal, "s"))


def _proven(answer: Answer, goal: Objective) -> str:
    if answer.bound is None or answer.gap is None:
        return "nothing: the plan's own passes prove no bound"
    best = (
        f"{si(1 / answer.bound)} requests/s" if goal is Objective.THROUGHPUT and answer.bound else _cost(answer, goal)
    )
    return f"no plan on the changed target is better than {best}: gap {percent(answer.gap)}"
