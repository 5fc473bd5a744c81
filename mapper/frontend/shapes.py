"""Walks a file's nodes once per sample and collects what is known of every value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx

from mapper.errors import ModelError, UnresolvedShapes
from mapper.frontend.branches import branch_of
from mapper.frontend.dims import Bound
from mapper.frontend.expect import Expectations
from mapper.frontend.expressions import evaluate as evaluate_dim
from mapper.frontend.facts import Fact, Known, Node, Source
from mapper.frontend.infer import Inferred, infer
from mapper.frontend.nodes import label
from mapper.frontend.order import live

Facts = dict[str, Fact]

_LARGEST = 2**63


@dataclass(slots=True)
class Trace:
    """Facts of all values at each sample, and the nodes that ran (branches taken are part of them)."""

    nodes: list[Node]
    samples: list[Facts]
    warnings: list[str]


@dataclass(slots=True)
class Interpreter:
    """Runs a file's nodes over facts instead of tensors; equal work is done once over all layers and samples."""

    source: Source
    expectations: Expectations
    memo: dict[tuple[object, ...], Inferred] = field(default_factory=dict)
    choices: dict[int, bool] = field(default_factory=dict)  # branch taken, by identity of the If node
    warnings: dict[str, None] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)  # values that a node or the caller reads

    def trace(self, bounds: list[Bound]) -> Trace:
        """Facts at each of the bound samples."""
        nodes = self.source.nodes
        samples = []
        for bound in bounds:
            nodes, facts = self._run(nodes, bound)
            nodes = live(nodes, self.source.outputs)
            samples.append(facts)
        return Trace(nodes, samples, list(self.warnings))

    def _run(self, nodes: list[Node], bound: Bound) -> tuple[list[Node], Facts]:
        facts = {**self.source.constants, **self._inputs(bound)}
        ran: list[Node] = []
        self.read.update(self.source.outputs, *(n.inputs for n in nodes), *(n.captures for n in nodes))
        unresolved: list[str] = []
        waiting = list(reversed(nodes))
        while waiting:
            node = waiting.pop()
            if node.op_type == "If" and node.domain == "":
                taken = branch_of(node, facts, self.choices, self.source)
                if isinstance(taken, str):
                    unresolved.append(taken)
                else:
                    facts.update({n: f for n, f in self.source.constants.items() if n not in facts})
                    self.read.update(*(n.inputs for n in taken), *(n.captures for n in taken))
                    waiting.extend(reversed(taken))
                continue
            self._step(node, facts, bound, unresolved)
            ran.append(node)
        if unresolved:
            raise UnresolvedShapes(
                unresolved,
                hint="check that the sizes given suit the model; else export it with stated shapes (value_info)",
            )
        return ran, facts

    def _inputs(self, bound: Bound) -> Facts:
        facts = {}
        for name, shape in bound.shapes.items():
            elem = self.source.inputs[name].elem
            if name in bound.scalars:
                data = np.full(shape, bound.scalars[name], dtype=onnx.helper.tensor_dtype_to_np_dtype(elem))
                facts[name] = Fact(elem, shape, data, Known.SHAPES)
            else:
                facts[name] = Fact(elem, shape)
        return facts

    def _step(self, node: Node, facts: Facts, bound: Bound, unresolved: list[str]) -> None:
        """Adds the facts of a node's outputs; values that wait for an unresolved one are passed over."""
        if any(n and n not in facts for n in (*node.inputs, *node.captures)):
            return
        inputs = [facts[n] if n else None for n in node.inputs]
        outer = {n: facts[n] for n in node.captures}
        found = self._infer(node, inputs, outer)
        if found.warning:
            self.warnings[found.warning] = None
        for name, fact in zip(node.outputs, found.facts, strict=True):
            if not name:
                continue
            if fact.shape is None:
                stated = None if found.refused else self._stated(name, bound, fact)
                if stated is None and not found.refused and name not in self.read:
                    continue
                if stated is None:
                    unresolved.append(f"'{name}', made by {label(node)}{_of(inputs)}: {found.reason}")
                    continue
                fact = stated
            if fact.elements >= _LARGEST or min(fact.shape or (), default=0) < 0:
                raise ModelError(f"'{name}', made by {label(node)}, would have more than 2^63 elements")
            facts[name] = fact

    def _infer(self, node: Node, inputs: list[Fact | None], outer: Facts) -> Inferred:
        if node.has_subgraph:
            return infer(node, inputs, self.source.opsets, outer)
        key = (node.key, tuple(None if f is None else f.key for f in inputs))
        found = self.memo.get(key)
        if found is None:
            found = self.memo[key] = infer(node, inputs, self.source.opsets, outer)
        return found

    def _stated(self, name: str, bound: Bound, fact: Fact) -> Fact | None:
        """The type that the file states for the value, if its dims have sizes at this sample."""
        declared = self.source.declared.get(name)
        if declared is None or declared.dims is None:
            return None
        names: Mapping[str, int] = {**bound.roles, **bound.names}
        shape = [d if isinstance(d, int) else evaluate_dim(d, names) if d else None for d in declared.dims]
        sizes = tuple(size for size in shape if size is not None)
        if len(sizes) < len(shape):
            return None
        return Fact(declared.elem or fact.elem, sizes, None, fact.known)


def _of(inputs: Sequence[Fact | None]) -> str:
    """The input shapes in words."""
    shapes = [str(list(f.shape)) for f in inputs if f is not None and f.shape is not None]
    return f" of {', '.join(shapes)}" if shapes else ""
