"""Builds the Graph: folds constants away, rewires what only renames, and gives every other node its kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from mapper.errors import ModelError
from mapper.frontend.custom import custom_attributes, custom_kind
from mapper.frontend.dims.symbols import Symbols
from mapper.frontend.facts import LIMIT, DimTerm, Fact, Known, Node, Source, dtype_of
from mapper.frontend.file.nodes import label
from mapper.frontend.file.order import transposed_weights
from mapper.frontend.lowering.attributes import attributes_of
from mapper.frontend.lowering.composite import composite_of
from mapper.frontend.lowering.composite_parts import Parts
from mapper.frontend.lowering.composite_products import store_blocks
from mapper.frontend.lowering.folded import CONSTANT, RENAMED, SIZES
from mapper.frontend.lowering.scaled import with_scales
from mapper.frontend.lowering.visible import Masks, Visible
from mapper.frontend.naming import label_type, unique_names
from mapper.frontend.vocabulary import SHAPE_OPERANDS, WEIGHT_FIRST, kind_by_name
from mapper.frontend.walk.trace import Trace
from mapper.hw.work import Role
from mapper.ir.graph import Attr, Graph, Op, State, Value, live_ops


@dataclass(slots=True)
class Lowering:
    """A graph in the making."""

    source: Source
    trace: Trace
    symbols: Symbols
    states: Sequence[State]
    aliases: dict[str, str] = field(default_factory=dict)  # value -> the value that holds the same numbers
    folded: set[str] = field(default_factory=set)
    gone: dict[str, str] = field(default_factory=dict)  # why nodes left no op, by their origin
    stored: dict[str, Value] = field(default_factory=dict)  # weights whose storage differs from the file's tensor
    extra: dict[str, Value] = field(default_factory=dict)  # values inside a node that becomes two ops
    transposed: set[str] = field(default_factory=set)  # transposes of weights that only matmuls read
    flipped: set[str] = field(default_factory=set)  # those of them that are weights, read as they were
    scales: dict[str, tuple[str, ...]] = field(default_factory=dict)  # of weights kept in few bits, by what they become
    shared: set[str] = field(default_factory=set)  # values that several nodes read, or that stand for such
    opaque: Counter[str] = field(default_factory=Counter)
    kept: set[str] = field(default_factory=set)  # both ends of all states
    ends: frozenset[str] = frozenset()  # the graph's outputs
    masks: Masks | None = None

    def graph(self) -> Graph:
        """The finished graph."""
        self.kept = {name for s in self.states for name in (s.past, s.present) if name}
        self.ends = frozenset(self.source.outputs)
        ops: list[Op] = []
        self.aliases.update(self.source.tied)
        names = unique_names(self.trace.nodes)
        readers = Counter(n for node in self.trace.nodes for n in {*node.inputs, *node.captures})
        read = readers.keys() | self.ends
        self.shared = {name for name, count in readers.items() if count > 1}
        self.transposed = transposed_weights(self.trace.nodes, self.source.outputs, self._is_fixed)
        for index, node in enumerate(self.trace.nodes):
            node = replace(node, outputs=tuple(n if n in read else "" for n in node.outputs))
            if not self._fold(node) and not self._rewire(node):
                ops.extend(self._checked_ops(node, names[index]))
        ops = live_ops(ops, self.source.outputs)
        return Graph(self.source.name, tuple(ops), tuple(self._values(ops)), tuple(self.states))

    # What follows is known of a value.

    @property
    def opset(self) -> int:
        """The file's opset of ai.onnx."""
        return self.source.opset

    def facts(self, name: str) -> list[Fact]:
        """The value's facts, one per sample."""
        return [sample[name] for sample in self.trace.samples]

    def shapes(self, name: str) -> list[tuple[int, ...]]:
        """The value's shapes, one per sample."""
        return [fact.shape or () for fact in self.facts(name)]

    def visible(self, scores: str) -> Visible:
        """What the mask of attention scores lets through."""
        if self.masks is None:
            makers = {out: node for node in self.trace.nodes for out in node.outputs if out}
            self.masks = Masks(makers, self.trace.samples, frozenset(self.source.inputs))
        return self.masks.of(scores)

    def is_constant(self, name: str) -> bool:
        """Whether the value is a weight or has been folded into one."""
        return name in self.source.constants or name in self.folded

    # Nodes that leave no op.

    def _fold(self, node: Node) -> bool:
        """Drops a node with the same results in every call; folding keeps shapes fixed and never inflates storage."""
        made = [n for n in node.outputs if n]
        if not self.ends.isdisjoint(made):
            return False
        held = sum(self.facts(n)[0].elements for n in node.inputs if n and self.is_constant(n))
        for name in made:
            facts = self.facts(name)
            known = min(fact.known for fact in facts)
            if known is Known.CALL or len({fact.shape for fact in facts}) > 1:
                return False
            if known is Known.SHAPES and facts[0].elements > max(LIMIT, held):
                return False
        known_by = min((fact.known for name in made for fact in self.facts(name)), default=Known.FILE)
        self.gone.setdefault(node.origin, CONSTANT if known_by is Known.FILE else SIZES)
        retypes = node.op_type in ("Cast", "CastLike", "DequantizeLinear")
        transposes = node.op_type == "Transpose" and made[0] in self.transposed
        if transposes or (retypes and node.inputs[0] in self.flipped and made[0] in self.transposed):
            self.flipped.add(made[0])
        renames = transposes or (node.op_type == "Identity" and not node.domain)
        if renames or (retypes and self._is_narrower(node)):
            self._stand(node, made[0])
        elif made[0] in self.flipped:
            lies = self.value(self.resolve(node.inputs[0])).shape
            self.stored[made[0]] = Value(made[0], lies, dtype_of(self.facts(made[0])[0].elem), Role.WEIGHT)
        self.folded.update(made)
        return True

    def _is_fixed(self, name: str) -> bool:
        return all(fact.known is Known.FILE for fact in self.facts(name))

    def _stand(self, node: Node, made: str) -> None:
        """Lets a weight stand for what a node makes of it, with its scales and zero points where there are several."""
        self.aliases[made] = self.resolve(node.inputs[0])
        own = node.inputs[1:3] if node.op_type == "DequantizeLinear" else ()
        several = [self.resolve(n) for n in own if n and self.facts(n)[0].elements > 1]
        self.scales[made] = (*self.scales.get(node.inputs[0], ()), *several)
        if node.inputs[0] in self.shared:
            self.shared.add(made)

    def _is_narrower(self, node: Node) -> bool:
        """Whether a weight is stored in fewer bits than its cast, or anyhow: then the stored form is kept."""
        source = self.resolve(node.inputs[0])
        stored, cast = dtype_of(self.facts(source)[0].elem), dtype_of(self.facts(node.outputs[0])[0].elem)
        found = self.facts(node.outputs[0])[0]
        tensor = found.data is None or (node.op_type == "DequantizeLinear" and found.elements > 1)
        anyhow = stored.is_float and cast.is_float and node.inputs[0] in self.shared
        return tensor and (stored.bits <= cast.bits or anyhow)

    def _rewire(self, node: Node) -> bool:
        """Drops a node that hands its input on unchanged, unless the result is named as a graph output."""
        made = [n for n in node.outputs if n]
        renames = node.op_type in ("Identity", "Dropout") and node.domain == ""
        if node.op_type in ("Cast", "CastLike"):
            renames = self.facts(node.inputs[0])[0].elem == self.facts(made[0])[0].elem
        if not renames or len(made) > 1 or made[0] in self.ends:
            return False
        self.aliases[made[0]] = self.resolve(node.inputs[0])
        self.gone.setdefault(node.origin, RENAMED)
        return True

    def resolve(self, name: str) -> str:
        """The value that stands for this one."""
        while name in self.aliases:
            name = self.aliases[name]
        return name

    # Nodes that become ops.

    def _checked_ops(self, node: Node, name: str) -> list[Op]:
        """The ops of a node; one whose attributes do not fit its inputs is refused."""
        try:
            return self._ops(node, name)
        except (KeyError, IndexError, ValueError, TypeError, ArithmeticError) as error:
            known = [self.trace.samples[0].get(n) for n in node.inputs]
            inputs = ", ".join("none" if f is None else str(list(f.shape or ())) for f in known)
            raise ModelError(
                f"{label(node)}: its attributes do not fit its inputs {inputs}: {error}",
                hint="check the node against the documentation of its operator",
            ) from None

    def _ops(self, node: Node, name: str) -> list[Op]:
        kind = kind_by_name(node.op_type, node.domain)
        if node.op_type == "Einsum" and node.domain == "":
            kind = "matmul"
        if kind == "gather" and node.op_type == "Gather" and self._is_table(node):
            kind = "embedding"
        custom = custom_kind(node)
        if custom:
            kind = custom.name
        if kind == "opaque" and node.outputs and not self._loop(node):
            self.opaque[label_type(node)] += 1
        make = None if custom else composite_of(node)
        attrs = attributes_of(self, node, "opaque" if make and kind != "attention" else kind)
        if make:
            parts = Parts(self, node, name, attrs)
            make(parts)
            return parts.ops
        if custom:
            attrs = (*attrs, *custom_attributes(node, custom))
        inputs = self._operands(node)
        if kind == "matmul" and len(node.inputs) > 1 and node.inputs[1] in self.flipped:
            flipped = 1 - int(node.attr("transB", 0))
            attrs = (*((k, v) for k, v in attrs if k != "trans_b"), ("trans_b", flipped))
        if node.op_type in ("MatMulNBits", "MatMulBnb4"):
            n, k, bits = int(node.attr("N", 0)), int(node.attr("K", 0)), int(node.attr("bits", 4))
            store_blocks(self, self.resolve(node.inputs[1]), n, k, bits)
        inputs = inputs if custom else with_scales(node, inputs, self.scales)
        return [Op(name, kind, inputs, node.outputs, (*attrs, *self._loop(node)), (node.origin,))]

    def _loop(self, node: Node) -> tuple[tuple[str, Attr], ...]:
        """The work of all iterations of a loop that stands as one node."""
        made = next((n for n in node.outputs if n), "")
        costs = [loops[made] for loops in self.trace.loops if made in loops]
        if not costs:
            return ()
        named = {
            "trips": [c.trips for c in costs],
            "macs": [c.macs for c in costs],
            "flops": [c.flops for c in costs],
            "bytes": [c.bytes for c in costs],
        }
        return tuple((key, self.symbols.dim(tuple(sizes))) for key, sizes in named.items())

    def _operands(self, node: Node) -> tuple[str, ...]:
        """The node's inputs in the order of its kind, without constants that only state a shape."""
        dropped = SHAPE_OPERANDS.get(node.op_type, ()) if not node.domain else ()
        names = [
            "" if i in dropped and n and self.is_constant(n) else self.resolve(n) for i, n in enumerate(node.inputs)
        ]
        if node.op_type == "CastLike":
            names = names[:1]
        order = WEIGHT_FIRST.get(node.op_type)
        if order:
            names = [names[i] for i in order if i < len(names)]
        while names and not names[-1]:
            names.pop()
        return tuple(names)

    def _is_table(self, node: Node) -> bool:
        table = node.inputs[0]
        return self.is_constant(self.resolve(table)) and len(self.shapes(table)[0]) == 2 and node.attr("axis", 0) == 0

    # Values.

    def value(self, name: str) -> Value:
        """The value with its dims named and its role."""
        found = self.stored.get(name) or self.extra.get(name)
        if found:
            return found
        columns = zip(*self.shapes(name), strict=True)
        hints = self._hints(name)
        shape = tuple(self.symbols.dim(column, hints.get(i)) for i, column in enumerate(columns))
        return Value(name, shape, dtype_of(self.facts(name)[0].elem), self._role(name))

    def _hints(self, name: str) -> dict[int, DimTerm]:
        declared = self.source.inputs.get(name) or self.source.declared.get(name)
        return dict(enumerate(declared.dims)) if declared is not None and declared.dims is not None else {}

    def _role(self, name: str) -> Role:
        if name in self.kept:
            return Role.STATE
        if name in self.source.inputs:
            return Role.INPUT
        if name in self.ends and name not in self.source.constants:  # a constant of the file is made by no op
            return Role.OUTPUT
        return Role.WEIGHT if self.is_constant(name) else Role.ACTIVATION

    def _values(self, ops: Sequence[Op]) -> list[Value]:
        mentioned = dict.fromkeys([*self.source.inputs, *(n for op in ops for n in (*op.inputs, *op.outputs) if n)])
        ends = dict.fromkeys(self.source.outputs)
        return [self.value(name) for name in dict.fromkeys([*mentioned, *ends])]
