"""A builder of tiny graphs in the form in which the frontend hands them over, and what to ask of a rewritten one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
from builders import tiny_target
from passes_graph_oracle import evaluate, is_evaluable

from mapper.hw.work import DType, Role
from mapper.ir.graph import Attr, Graph, Op, Phase, State, Value, live_ops
from mapper.ir.kinds import elements, kind_of, view
from mapper.ir.op_work import work
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context, Pass
from mapper.pipeline.pipeline import apply

ONCE = (Phase("run", (), 1),)
ONE_BY_TWELVE = (Phase("run", (), 1, (("batch", (1,)), ("seq", (12,)))),)

Shape = tuple[int | str, ...]


class Sketch:
    """Collects ops one by one; every method returns the name of the value it makes."""

    def __init__(self) -> None:
        self.ops: list[Op] = []
        self.values: dict[str, Value] = {}
        self.states: list[State] = []

    def value(self, name: str, shape: Shape, role: Role, dtype: DType = DType.F32) -> str:
        self.values[name] = Value(name, tuple(shape), dtype, role)
        return name

    def input(self, name: str, *shape: int | str) -> str:
        return self.value(name, shape, Role.INPUT)

    def weight(self, name: str, *shape: int) -> str:
        return self.value(name, shape, Role.WEIGHT)

    def state(self, past: str, present: str) -> None:
        for name in filter(None, (past, present)):
            self.values[name] = replace(self.values[name], role=Role.STATE)
        self.states.append(State(past, present))

    def op(self, kind: str, op_type: str, inputs: tuple[str, ...], shape: Shape, **attrs: Attr) -> str:
        name = f"{op_type}_{len(self.ops)}"
        dtype = self.values[inputs[0]].dtype if inputs else DType.F32
        out = self.value(f"{name}:0", shape, Role.ACTIVATION, dtype)
        self.ops.append(Op(name, kind, inputs, (out,), (("op_type", op_type), *attrs.items()), (name,)))
        return out

    def shape(self, value: str) -> Shape:
        return self.values[value].shape

    def fn(self, op_type: str, *operands: str | float) -> str:
        """An elementwise op; numbers become scalar constants."""
        attrs: dict[str, Attr] = {"fn": {"LessOrEqual": "less_or_equal"}.get(op_type, op_type.lower())}
        names = []
        for operand in operands:
            if not isinstance(operand, str):
                attrs["scalar"] = operand
                operand = self.weight(f"const_{operand}", *())
            names.append(operand)
        shapes = [tuple(d if isinstance(d, int) else 997 for d in self.shape(n)) for n in names]
        rank = max(map(len, shapes))
        padded = [(1,) * (rank - len(self.shape(n))) + self.shape(n) for n in names]
        shape = tuple(next((d for d in column if d != 1), 1) for column in zip(*padded, strict=True))
        assert len(shape) == len(np.broadcast_shapes(*shapes))
        return self.op("elementwise", op_type, tuple(names), shape, **attrs)

    def matmul(self, a: str, b: str, **attrs: Attr) -> str:
        rows = self.shape(a) if len(self.shape(a)) >= len(self.shape(b)) else self.shape(b)
        return self.op("matmul", "MatMul", (a, b), (*rows[:-2], self.shape(a)[-2], self.shape(b)[-1]), **attrs)

    def linear(self, x: str, out: int) -> str:
        width = self.shape(x)[-1]
        assert isinstance(width, int)
        return self.matmul(x, self.weight(f"w{len(self.ops)}", width, out))

    def mean(self, x: str) -> str:
        return self.op("reduce", "ReduceMean", (x,), (*self.shape(x)[:-1], 1), axes=(len(self.shape(x)) - 1,))

    def softmax(self, x: str, **known: Attr) -> str:
        return self.op("softmax", "Softmax", (x,), self.shape(x), axis=len(self.shape(x)) - 1, **known)

    def rope(self, x: str, cos: str, sin: str) -> str:
        out = self.op("elementwise", "Add", (x, cos, sin), self.shape(x))
        self.ops[-1] = replace(self.ops[-1], attrs=(("fn", "rope"),))  # as fused: it is no operator of the file
        return out

    def cast(self, x: str, dtype: DType) -> str:
        out = self.op("cast", "Cast", (x,), self.shape(x))
        self.values[out] = replace(self.values[out], dtype=dtype)
        return out

    def reshape(self, x: str, *shape: int | str) -> str:
        return self.op("view", "Reshape", (x,), shape)

    def transpose(self, x: str, *perm: int) -> str:
        return self.op("move", "Transpose", (x,), tuple(self.shape(x)[p] for p in perm), perm=perm)

    def concat(self, a: str, b: str, axis: int, size: int | str) -> str:
        shape = tuple(size if i == axis else d for i, d in enumerate(self.shape(a)))
        return self.op("move", "Concat", (a, b), shape, axis=axis)

    def slice(self, x: str, axis: int, start: int, end: int) -> str:
        shape = tuple(end - start if i == axis else d for i, d in enumerate(self.shape(x)))
        return self.op("move", "Slice", (x,), shape, starts=(start,), ends=(end,), axes=(axis,))

    def expand(self, x: str, *shape: int | str) -> str:
        return self.op("move", "Expand", (x,), shape)

    def split(self, x: str, axis: int, *sizes: int) -> list[str]:
        name = f"Split_{len(self.ops)}"
        outs = []
        for i, size in enumerate(sizes):
            shape = tuple(size if j == axis else d for j, d in enumerate(self.shape(x)))
            outs.append(self.value(f"{name}:{i}", shape, Role.ACTIVATION))
        self.ops.append(Op(name, "move", (x,), tuple(outs), (("op_type", "Split"), ("axis", axis)), (name,)))
        return outs

    def graph(self, *outputs: str) -> Graph:
        """The graph; the named values leave it."""
        for name in outputs:
            if self.values[name].role is not Role.STATE:
                self.values[name] = replace(self.values[name], role=Role.OUTPUT)
        return Graph("sketch", tuple(self.ops), tuple(self.values.values()), tuple(self.states))


def rewrite(graph: Graph, *passes: Pass, phases: tuple[Phase, ...] = ONCE) -> Graph:
    """The graph after the passes, checked: what leaves it, its MACs, its shapes and the origins are as before.

    Where the oracle knows all ops, the numbers that leave the graph are compared as well.
    """
    plan = Plan(tiny_target(), graph, phases)
    for step in passes:
        plan = apply(step, plan, Context())
        check(plan.graph, phases)
    after = plan.graph
    assert set(after.outputs) == set(graph.outputs)
    assert [after.value[n] for n in after.outputs] == [graph.value[n] for n in after.outputs]
    assert macs(after, phases) == macs(graph, phases)
    due = {n for op in live_ops(graph.ops, graph.outputs) for n in op.origin}
    assert due <= {n for op in after.ops for n in op.origin} <= {n for op in graph.ops for n in op.origin}
    for op in after.ops:
        assert len(op.origin) == len(set(op.origin))
        assert op.origin or op.kind == "view"
    if is_evaluable(graph) and is_evaluable(after):
        wanted = evaluate(graph)
        found = evaluate(after, wanted)
        for name in graph.outputs:
            np.testing.assert_allclose(found[name], wanted[name], rtol=1e-3, atol=1e-3, err_msg=name)
    return after


def check(graph: Graph, phases: tuple[Phase, ...]) -> None:
    """Every op's shape rule agrees with the values at every sample, and views conserve elements."""
    for phase in phases:
        for binding in phase.bindings():
            for op in graph.ops:
                seen = view(graph, op, binding)
                kind = kind_of(op)
                implied = kind.outputs(seen)
                assert implied is None or tuple(implied[0]) == seen.outputs[0], (op, seen.inputs, seen.outputs)
                if kind.conserves == "elements":
                    assert elements(seen.inputs[0]) == elements(seen.outputs[0]), op


def macs(graph: Graph, phases: tuple[Phase, ...]) -> list[int]:
    """The MACs of the graph at every sample."""
    bindings = [binding for phase in phases for binding in phase.bindings()]
    return [sum(work(graph, op, binding).macs for op in graph.ops) for binding in bindings]


def kinds(graph: Graph) -> Counter[str]:
    """How many ops there are of each kind; elementwise ones go by their function."""
    return Counter(str(op.attr("fn")) if op.kind == "elementwise" else op.kind for op in graph.ops)
