"""Walks a file's nodes once per sample and collects what is known of every value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import onnx

from mapper.errors import ModelError, UnresolvedShapes
from mapper.frontend.control.handlers import handler_of
from mapper.frontend.dims.dims import Bound
from mapper.frontend.dims.expressions import evaluate as evaluate_dim
from mapper.frontend.expect import Expectations
from mapper.frontend.facts import LARGEST, LIMIT, Fact, Known, Node, Source, numpy_type
from mapper.frontend.file.check import check_arity
from mapper.frontend.file.nodes import label
from mapper.frontend.file.order import live_nodes
from mapper.frontend.inference.counters import counted
from mapper.frontend.inference.infer import Inferred, infer
from mapper.frontend.walk.assembly import Assembly
from mapper.frontend.walk.operands import is_set, with_expected_operands
from mapper.frontend.walk.shares import share_matters, share_of
from mapper.frontend.walk.sizes import expected
from mapper.frontend.walk.trace import Facts, Trace
from mapper.frontend.walk.unknown import expected_of_unknown, likely_cause
from mapper.frontend.walk.walk import Shop, Walk

_MOST_STEPS = 60_000
"""Nodes that a walk may run on top of the file's own, trials included: more would take minutes."""
_INTEGERS = frozenset({onnx.TensorProto.INT64, onnx.TensorProto.INT32, onnx.TensorProto.BOOL})
_T = onnx.TensorProto
_NUMBERS = frozenset(_T.DataType.values()) - {_T.UNDEFINED, _T.STRING, _T.COMPLEX64, _T.COMPLEX128}


@dataclass(slots=True)
class Interpreter:
    """Runs a file's nodes over facts instead of tensors; equal work is done once over all layers and samples."""

    source: Source
    expectations: Expectations
    memo: dict[tuple[object, ...], Inferred] = field(default_factory=dict)

    def trace(self, bounds: list[Bound]) -> Trace:
        """Facts at each of the bound samples."""
        shop = Shop(self.source, self.expectations)
        constants, begun = dict(self.source.constants), self.expectations.snapshot()
        while True:
            walks = [self._walk(shop, bound) for bound in bounds]
            uneven = {key for walk in walks for key in walk.decisions.keys() ^ walks[0].decisions.keys()}
            uneven |= {k for walk in walks for k, v in walk.decisions.items() if walks[0].decisions.get(k, v) != v}
            loops = uneven & shop.repeats
            if not loops - shop.closed:
                break
            shop.closed |= loops  # their trips differ between samples: one node stands for any number
            self.source.constants = dict(constants)
            self.expectations.restore(begun)
        if uneven:
            _refuse_uneven(walks, uneven)
        outputs = _resolved_outputs(walks[0], self.source.outputs)
        nodes = live_nodes(walks[0].ran, outputs)
        costs, placed = [w.loops for w in walks], frozenset(walks[0].placed)
        return Trace(nodes, [w.facts for w in walks], list(shop.warnings), outputs, costs, placed)

    def _walk(self, shop: Shop, bound: Bound) -> Walk:
        walk = Walk(shop, bound, {**self.source.constants, **self._inputs(bound)})
        walk.sequences.update(self.source.sequences)
        walk.read.update(self.source.outputs)
        walk.push([*self.source.nodes, self._hand_out])
        left = _MOST_STEPS + len(self.source.nodes)
        while walk.waiting:
            item = walk.waiting.pop()
            if not isinstance(item, Node):
                item(walk)
                continue
            left -= 1
            if left < 0:
                raise ModelError(
                    f"the loops of this model run more than {_MOST_STEPS:,} nodes; it stopped at {label(item)}",
                    hint="give smaller trip counts with --dim or --expect",
                )
            handler = handler_of(item, walk)
            if handler is not None:
                check_arity(item, self.source.opset)
                handler(item, walk)
            else:
                self._step(item, walk)
                walk.ran.append(item)
        if not walk.unresolved:
            lost = [name for name in _resolved_outputs(walk, self.source.outputs) if name not in walk.facts]
            walk.unresolved += [f"'{name}', a graph output, waits for values that are never made" for name in lost]
        if walk.unresolved:
            raise UnresolvedShapes(
                walk.unresolved,
                hint="check that the sizes given suit the model; else export it with stated shapes (value_info)",
            )
        return walk

    def _hand_out(self, walk: Walk) -> None:
        """The elements of sequences that leave the graph, under names of their own."""
        for name in self.source.outputs:
            elements = walk.sequences.get(name) or ()
            made = Assembly(self.source.opset, name)
            for i, element in enumerate(elements):
                made.identity(element, f"{name}.{i}")
            walk.read.update(f"{name}.{i}" for i in range(len(elements)))
            walk.put(made)

    def _inputs(self, bound: Bound) -> Facts:
        facts = {}
        for name, shape in bound.shapes.items():
            elem = self.source.inputs[name].elem
            if name in bound.scalars:
                data = np.full(shape, bound.scalars[name], dtype=onnx.helper.tensor_dtype_to_np_dtype(elem))
                facts[name] = Fact(elem, shape, data, Known.SHAPES)
            else:
                facts[name] = self._expected_number(name, Fact(elem, shape))
        return facts

    def _step(self, node: Node, walk: Walk) -> None:
        """Adds the facts of a node's outputs; values that wait for an unresolved one are passed over."""
        facts = walk.facts
        if any(n and n not in facts for n in (*node.inputs, *node.captures)):
            return
        inputs = [facts[n] if n else None for n in node.inputs]
        found = self._infer(node, inputs, {n: facts[n] for n in node.captures})
        found = self._completed(node, inputs, found, walk)
        for name, fact in zip(node.outputs, found.facts, strict=True):
            if not name:
                continue
            if fact.shape is None:
                if found.refused or name in walk.read:
                    reason = (found.reason or "its shape depends on data") + _lever(node, inputs)
                    reason += likely_cause(node, walk)
                    walk.unresolved.append(f"'{name}', made by {label(node)}{_of(inputs)}: {reason}")
                    self.expectations.need(*(n for n in node.inputs if n))
                continue
            if fact.elements >= LARGEST or min(fact.shape, default=0) < 0:
                raise ModelError(f"'{name}', made by {label(node)}, would have more than 2^63 elements")
            facts[name] = self._expected_number(name, fact)
        if share_matters(node):
            share = share_of(node, inputs, walk.shares)
            if share is not None:
                walk.shares.update((out, share) for out in node.outputs[-1 if node.op_type == "TopK" else 0 :])

    def _infer(self, node: Node, inputs: list[Fact | None], outer: Facts) -> Inferred:
        if node.has_subgraph:
            return infer(node, inputs, self.source.opsets, outer)
        number = counted(node, inputs)
        if number is not None:
            return Inferred((number,))
        key = (node.key, tuple([None if f is None else f.key for f in inputs]))
        found = self.memo.get(key)
        if found is None:
            found = self.memo[key] = infer(node, inputs, self.source.opsets, outer)
        return found

    def _completed(self, node: Node, inputs: list[Fact | None], found: Inferred, walk: Walk) -> Inferred:
        """What was found with missing shapes filled in: as the file states them, else as they are expected."""
        if found.refused or all(f.shape is not None for f in found.facts):
            return found
        facts = list(found.facts)
        first = next((name for name in node.outputs if name), "")
        if self.expectations.of(first) is None and not is_set(node, inputs, walk):
            facts = [self._stated(n, walk.bound, f) for n, f in zip(node.outputs, facts, strict=True)]
        missing = [n for n, f in zip(node.outputs, facts, strict=True) if n and f.shape is None and n in walk.read]
        types = expected(node, inputs, walk) if missing else None
        if types is not None:
            known = min((f.known for f in inputs if f is not None), default=Known.CALL)
            return replace(found, facts=_filled(facts, [Fact(*t, None, known) for t in types]))
        operands = with_expected_operands(node, inputs, walk) if missing else None
        if operands is None:
            guesses = expected_of_unknown(node, inputs, missing, walk) if missing else None
            if guesses is not None:
                facts = [guesses.get(n, f) for n, f in zip(node.outputs, facts, strict=True)]
            return replace(found, facts=tuple(facts))
        again = self._infer(node, operands, {n: walk.facts[n] for n in node.captures})
        return replace(again, facts=_filled(facts, again.facts))

    def _stated(self, name: str, bound: Bound, fact: Fact) -> Fact:
        """The type that the file states for the value, if its dims have sizes at this sample."""
        declared = self.source.declared.get(name)
        if fact.shape is not None or declared is None or declared.dims is None:
            return fact
        names: Mapping[str, int] = {**bound.roles, **bound.names}
        shape = [d if isinstance(d, int) else evaluate_dim(d, names) if d else None for d in declared.dims]
        sizes = tuple(size for size in shape if size is not None)
        return Fact(declared.elem or fact.elem, sizes, None, fact.known) if len(sizes) == len(shape) else fact

    def _expected_number(self, name: str, fact: Fact) -> Fact:
        """The value with the numbers that the user expects, if they depend on data: `NAME`, of a vector `NAME[i]`."""
        if not self.expectations.given or fact.data is not None or not 0 < fact.elements <= LIMIT:
            return fact
        names = [name] if fact.elements == 1 else [f"{name}[{i}]" for i in range(fact.elements)]
        if fact.elem not in _NUMBERS or any(self.expectations.of(n) is None for n in names):
            return fact
        numbers = [self.expectations.take(n, "a number that depends on data", 0, "none") for n in names]
        data = np.array(numbers, dtype=numpy_type(fact.elem)).reshape(fact.shape or ())
        return Fact(fact.elem, fact.shape, data, Known.SHAPES)


def _filled(facts: Sequence[Fact], others: Sequence[Fact]) -> tuple[Fact, ...]:
    """The facts, with others in place of those without a shape."""
    pairs = zip(facts, others, strict=False)
    return (*(mine if mine.shape is not None else other for mine, other in pairs), *facts[len(others) :])


def _resolved_outputs(walk: Walk, outputs: Sequence[str]) -> tuple[str, ...]:
    """The graph's outputs with the elements of sequences in their place."""
    found: list[str] = []
    for name in outputs:
        sequence = name in walk.sequences
        found += [f"{name}.{i}" for i in range(len(walk.sequences[name] or ()))] if sequence else [name]
    return tuple(found)


def _refuse_uneven(walks: Sequence[Walk], uneven: set[str]) -> None:
    key = next(k for walk in walks for k in walk.decisions if k in uneven)
    listed = ", ".join(str(v) for v in dict.fromkeys(walk.decisions.get(key) for walk in walks) if v is not None)
    raise ModelError(
        f"what makes '{key}' differs between the sizes asked for: branch, trips or length {listed}",
        hint="map these sizes in separate runs",
    )


def _lever(node: Node, inputs: Sequence[Fact | None]) -> str:
    """How to give numbers that the shape waits for."""
    open_ones = [
        name
        for name, fact in zip(node.inputs, inputs, strict=True)
        if fact is not None and fact.data is None and fact.elements == 1 and fact.elem in _INTEGERS
    ]
    return f"; set it with --expect {open_ones[0]}=N" if open_ones else ""


def _of(inputs: Sequence[Fact | None]) -> str:
    """The input shapes in words."""
    shapes = [str(list(f.shape)) for f in inputs if f is not None and f.shape is not None]
    return f" of {', '.join(shapes)}" if shapes else ""
