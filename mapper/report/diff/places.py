"""Names of what is equal in all blocks of a plan: '12 x mlp/c_fc', and which blocks some of them are of."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mapper.ir.plan import Plan

_STEPS = re.compile(r"[/.]+")
_OPERATOR = re.compile(r"[A-Z][A-Za-z]*(?:_\d+)?")
_OPERATOR_NUMBER = re.compile(r"_\d+$")
_LONGEST = 48
"""Letters of a label at most."""


@dataclass(frozen=True, slots=True)
class Spelled:
    """A cluster as people name it. label: what it is in every block; block: the number of its block, -1 outside; kind:
    of the op that names it."""

    label: str
    block: int
    kind: str


def spelled(plan: Plan) -> dict[str, Spelled]:
    """For each cluster of a plan its label, block and kind. Clusters at one place of equal blocks have one label, and
    no two places have the same."""
    first: dict[str, str] = {}  # cluster -> the cluster at its place in the first block
    number: dict[str, int] = {}
    for block in plan.blocks or ():
        for i, clusters in enumerate(block.instances):
            for name, place in zip(clusters, block.instances[0], strict=True):
                first[name] = place
                number[name] = _layer(name, i)
    _name_by_numbers(plan, first, number)
    kinds = {c.name: (plan.graph.op.get(c.name) or plan.graph.op[c.ops[0]]).kind for c in plan.clusters or ()}
    labels = _labels({first.get(name, name): kind for name, kind in kinds.items()}, frozenset(first.values()))
    return {name: Spelled(labels[first.get(name, name)], number.get(name, -1), kind) for name, kind in kinds.items()}


def _name_by_numbers(plan: Plan, first: dict[str, str], number: dict[str, int]) -> None:
    """Where no blocks are recorded (too few for a pattern): names that differ in the number of their block only."""
    alike: dict[str, list[str]] = {}
    for cluster in plan.clusters or ():
        steps = _STEPS.split(cluster.name)
        at = next((i for i, step in enumerate(steps) if step.isdecimal()), -1)
        if cluster.name not in first and at >= 0:
            last = _OPERATOR_NUMBER.sub("", steps[-1])
            key = "/".join([*steps[:at], "*", *steps[at + 1 : -1], last] if at < len(steps) - 1 else [*steps[:at], "*"])
            alike.setdefault(key, []).append(cluster.name)
    for names in alike.values():
        numbers = [_layer(name, -1) for name in names]
        if len(names) > 1 and len(set(numbers)) == len(names):
            for name, block in zip(names, numbers, strict=True):
                first[name], number[name] = names[0], block


def _layer(name: str, index: int) -> int:
    """The number that a name itself gives its block, else the block's index."""
    return next((int(step) for step in _STEPS.split(name) if step.isdecimal() and len(step) < 7), index)


def _labels(kinds: Mapping[str, str], repeated: Iterable[str]) -> dict[str, str]:
    """A label for each place, given the kind of its op: as short as it can be without another having it."""
    inside = frozenset(repeated)
    left = list(kinds)
    found: dict[str, str] = {}
    for level in range(4):
        tried = {name: _label(name, kinds[name], name in inside, level) for name in left}
        taken = Counter(tried.values()) + Counter(set(found.values()))
        found.update({name: label for name, label in tried.items() if taken[label] == 1 or level == 3})
        left = [name for name in left if name not in found]
    return found


def _label(name: str, kind: str, is_repeated: bool, level: int) -> str:
    """A name without the way to its block and without the operator's own word; with more of both at higher levels."""
    steps = [step for step in _STEPS.split(name) if step]
    if level == 3 or not steps:
        return name
    if is_repeated:
        at = next((i for i, step in enumerate(steps) if step.isdecimal()), -1)
        steps = steps[at + 1 :] or steps
    if level < 2 and len(steps) > 1 and _OPERATOR.fullmatch(steps[-1]):
        steps = steps[:-1]
    label = "/".join(steps)
    return label[-_LONGEST:] if level == 0 else f"{kind} {label}" if level == 1 else label


def spans(numbers: Iterable[int]) -> str:
    """Whole numbers as people list them: '3-5, 7'."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" if b > a + 1 else f"{a}, {b}" for a, b in runs)
