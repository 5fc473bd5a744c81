"""Resource-allocation trees: which units each layer may use, by cuts in space and time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt


@dataclass
class Node:
    """A leaf is a layer (`group` >= 0). An inner node shares its units among its children: each gets some (`spatial`),
    or all of them in turn."""

    group: int = -1
    spatial: bool = False
    children: list[Node] = field(default_factory=list)

    def copy(self) -> Node:
        """A tree that shares nothing with this one."""
        return Node(self.group, self.spatial, [child.copy() for child in self.children])

    def inner(self) -> Iterator[Node]:
        """This node and all below it that have children."""
        if self.group < 0:
            yield self
            for child in self.children:
                yield from child.inner()


def stripes(groups: int, parts: int) -> Node:
    """Runs of layers beside each other in space, as many as there are parts."""
    edges = np.linspace(0, groups, min(parts, groups) + 1).astype(int).tolist()
    runs = [Node(children=[Node(g) for g in range(a, b)]) for a, b in pairwise(edges)]
    return Node(spatial=True, children=runs)


def in_turn(groups: int) -> Node:
    """All layers one after the other on all units."""
    return Node(children=[Node(g) for g in range(groups)])


def allowed(root: Node, units: Sequence[int], work: npt.NDArray[np.float64], all_units: int) -> npt.NDArray[np.bool_]:
    """[group, unit]: what the tree gives each layer. Children in space get units in order, in proportion to their
    work; where there are more children than units, some share one."""
    found = np.zeros((work.size, all_units), np.bool_)
    weights: dict[int, float] = {}
    _weigh(root, work, weights)
    _deal(root, list(units), weights, found)
    return found


def _weigh(node: Node, work: npt.NDArray[np.float64], weights: dict[int, float]) -> float:
    own = work[node.group] if node.group >= 0 else sum(_weigh(c, work, weights) for c in node.children)
    weights[id(node)] = float(own)
    return float(own)


def _deal(node: Node, units: list[int], weights: dict[int, float], found: npt.NDArray[np.bool_]) -> None:
    if node.group >= 0:
        found[node.group, units] = True
        return
    if not node.spatial:
        for child in node.children:
            _deal(child, units, weights, found)
        return
    total, before, count = max(sum(weights[id(c)] for c in node.children), 1e-9), 0.0, len(units)
    for child in node.children:
        low = min(int(before / total * count + 0.5), count - 1)
        before += weights[id(child)]
        high = max(int(before / total * count + 0.5), low + 1)
        _deal(child, units[low:high], weights, found)


def changed(root: Node, random: np.random.Generator) -> Node:
    """The tree after one of SET's operators: a cut of the other kind, two children swapped, a child moved, neighbours
    under a new cut, a cut dissolved."""
    tree = root.copy()
    inner = list(tree.inner())
    node = inner[random.integers(len(inner))]
    kind = int(random.integers(5))
    if kind == 0:
        node.spatial = not node.spatial
    elif kind == 1:
        other = inner[random.integers(len(inner))]
        i, j = random.integers(len(node.children)), random.integers(len(other.children))
        first, second = node.children[i], other.children[j]
        if not (_holds(first, other) or _holds(second, node)):
            node.children[i], other.children[j] = second, first
    elif kind == 2:
        other = inner[random.integers(len(inner))]
        k = random.integers(len(node.children))
        if len(node.children) > 1 and not _holds(node.children[k], other):
            child = node.children.pop(k)
            other.children.insert(int(random.integers(len(other.children) + 1)), child)
    elif kind == 3 and len(node.children) > 2:
        low = int(random.integers(len(node.children) - 1))
        high = int(random.integers(low + 2, len(node.children) + 1))
        node.children[low:high] = [Node(spatial=bool(random.integers(2)), children=node.children[low:high])]
    elif kind == 4:
        cuts = [k for k, child in enumerate(node.children) if child.group < 0]
        if cuts:
            k = cuts[random.integers(len(cuts))]
            node.children[k : k + 1] = node.children[k].children
    return tree


def _holds(node: Node, other: Node) -> bool:
    """Whether `other` is `node` or below it."""
    return any(n is other for n in node.inner())
