"""Which values outlive a call: KV caches and recurrent states, known by name, by shape and by how they are made."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import onnx

from mapper.frontend.facts import Declared, Fact, Node
from mapper.frontend.states.flow import Flows, Update, Way, follow
from mapper.ir.graph import Shape, State

_KV_INPUT = re.compile(r"(^|[._/])(past|cache|kv)|past_key|past_value|key_cache|value_cache|_cache(_|$)", re.IGNORECASE)
_PRESENT = re.compile(r"^(present|new_past)|^past_key_values[._]|^(new_|next_|updated_)?(key|value|kv)_?cache", re.I)
_KEYS = re.compile(r"key|value|kv|^past", re.IGNORECASE)
_CROSS = re.compile(r"encoder|cross", re.IGNORECASE)
_RECURRENT = re.compile(
    r"^(h|c|hx|cx|h0|c0|h_0|c_0|hn|cn)$|^[hc][._]?(in|prev|\d+)|state|hidden|cell|cache|past|memory|mem(_|s|$)|^kv|prev|"
    r"conv|ssm|recurrent|rnn|lstm|gru",
    re.IGNORECASE,
)
_ORDINARY = re.compile(
    r"hidden_states?$|encoder_out|^encoder_outputs?$|mask|input_ids|_ids$|embeds$|pixel|^images?$|^memory$|"
    r"^(cross|encoder)_states$",
    re.IGNORECASE,
)
"""Inputs that a call is given anew, though a result may look like them."""

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_KEY_VALUES = re.compile(r"(past_|present_)?key_values?(?=\b|[_.\d])", re.IGNORECASE)
_REARRANGES = frozenset({"Transpose", "Reshape", "Expand", "Unsqueeze", "Mul", "Cast"})
_RENEWED = re.compile(r"new_|next_|updated_|_?next|N|_new|_updated")
_SIDES = frozenset(
    {"past", "in", "input", "inputs", "prev", "previous", "present", "out", "output", "outputs", "new", "next",
     "updated", "cur", "current", "n", "final", "last"}
)  # fmt: skip
"""Words that tell the two ends of a state apart and say nothing else."""

_FLOATS = frozenset(
    {onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16, onnx.TensorProto.DOUBLE}
)
_SMALL = frozenset(
    {onnx.TensorProto.INT8, onnx.TensorProto.UINT8, onnx.TensorProto.FLOAT8E4M3FN, onnx.TensorProto.FLOAT8E5M2,
     onnx.TensorProto.INT4, onnx.TensorProto.UINT4}
)  # fmt: skip


def is_cache(name: str, rank: int) -> bool:
    """Whether an input of this name and rank is a KV cache of the sequence so far."""
    return rank >= 3 and _KV_INPUT.search(name) is not None


def is_cross(name: str) -> bool:
    """Whether a cache holds keys or values of an encoder, which do not grow."""
    return _CROSS.search(name) is not None


@dataclass(frozen=True, slots=True)
class Ends:
    """The types of a graph's inputs and outputs at one sample, and its nodes."""

    facts: Mapping[str, Fact]
    inputs: Sequence[str]
    outputs: Sequence[str]
    nodes: Sequence[Node]

    def shape(self, name: str) -> Shape:
        """The value's shape."""
        return self.facts[name].shape or ()


def find_states(ends: Ends) -> tuple[State, ...]:
    """The states of a graph: pairs of an input and an output, and presents that the graph only creates.

    A pair agrees in element type, rank and shape, but for one dim along which a cache grows. It is a pair because the
    output is made from the input as a cache or a recurrent state is, or because of their names. Caches that are only
    read are states without a present.
    """
    given = frozenset(ends.inputs)
    outputs = [o for o in ends.outputs if o not in given]
    flow = follow(ends.nodes, [i for i in ends.inputs if _may_be_state(ends, i)])
    free = dict.fromkeys(outputs)
    found: dict[str, str] = {}
    for score, past, present in sorted(_candidates(ends, flow, outputs), key=lambda c: c[0]):
        if score and past not in found and present in free:
            found[past] = present
            del free[present]
    kept = _read_only(ends, [i for i in ends.inputs if i not in found])
    states = [State(past, found.get(past, "")) for past in ends.inputs if past in found or past in kept]
    made = _created(ends, list(free))
    return (*states, *(State("", name) for name in made))


def _may_be_state(ends: Ends, name: str) -> bool:
    return len(ends.shape(name)) >= 1 and not _ORDINARY.search(name)


def _candidates(ends: Ends, flow: Flows, outputs: Sequence[str]) -> Iterator[tuple[int, str, str]]:
    """Pairs with their rank, the surest first: same name and flow, sure flow, flow, name."""
    stems: dict[tuple[str, ...], list[str]] = {}
    for past in ends.inputs:
        if _may_be_state(ends, past):
            stems.setdefault(stem(past), []).append(past)
    for present in outputs:
        ways = flow.ways(present)
        named = stems.get(stem(present), [])
        for past in dict.fromkeys((*named, *ways)):
            if _fits(ends, past, present):
                rank = _rank(ends, flow, past, present, past in named, ways.get(past))
                if rank:
                    yield rank, past, present


def _rank(ends: Ends, flow: Flows, past: str, present: str, named: bool, way: Way | None) -> int:
    """How sure it is that the output continues the input, 1 the surest; 0 where nothing speaks for it."""
    update = Update.NONE if way is None else way.update
    if update is Update.IN_PLACE and ends.shape(past) != ends.shape(present):
        return 0
    elem, rank = ends.facts[past].elem, len(ends.shape(past))
    lasting = _RECURRENT.search(past) is not None
    if named and (lasting or _is_renewed(past, present)) and update is not Update.NONE:
        return 1
    if update in (Update.ATTENTION, Update.RECURRENT):
        return 2
    rewritten = update in (Update.GROWN, Update.WINDOW, Update.IN_PLACE)
    if rewritten and elem in _FLOATS | _SMALL and (lasting or (way is not None and way.read and rank >= 3)):
        return 3
    if named and lasting and (is_cache(past, rank) or flow.rests_on(present, past)):
        return 4
    return 4 if named and _is_renewed(past, present) and flow.rests_on(present, past) else 0


def _is_renewed(past: str, present: str) -> bool:
    """Whether the output's name is the input's with a word for the next call."""
    return (
        past in present
        and re.fullmatch(r"new_|next_|updated_|_?next|N|_new|_updated", present.replace(past, "", 1)) is not None
    )


def stem(name: str) -> tuple[str, ...]:
    """The words of a name that both ends of a state share: of `past_key_values.0.key` and `present.0.key`, (0, key)."""
    words = [w.lower() for w in _WORD.findall(_KEY_VALUES.sub(" ", name))]
    words = [{"hn": "h", "cn": "c", "h0": "h", "c0": "c"}.get(w, w) for w in words]
    kept = tuple(w for w in words if w not in _SIDES)
    return ("h" if kept == ("h", "0") else "c",) if kept in (("h", "0"), ("c", "0")) else kept


def _fits(ends: Ends, past: str, present: str) -> bool:
    """Whether two ends have one type, and one shape but for a dim along which a cache changes."""
    old, new = ends.facts[past], ends.facts[present]
    if old.shape is None or new.shape is None or len(old.shape) != len(new.shape) or old.elem != new.elem:
        return False
    changed = [(a, b) for a, b in zip(old.shape, new.shape, strict=True) if a != b]
    return not changed or (len(changed) == 1 and (changed[0][0] < changed[0][1] or is_cache(past, len(old.shape))))


def _read_only(ends: Ends, inputs: Sequence[str]) -> set[str]:
    """Caches that calls read and leave as they are, as a decoder those of what its encoder left."""
    caches = {
        name
        for name in inputs
        if is_cache(name, len(ends.shape(name)))
        and _KEYS.search(name)
        and ends.facts[name].elem in _FLOATS | _SMALL
        and not _ORDINARY.search(name)
    }
    return caches.intersection(n for node in ends.nodes for n in (*node.inputs, *node.captures)) if caches else caches


def _created(ends: Ends, outputs: Sequence[str]) -> list[str]:
    """Outputs that are caches made from nothing: by name, or keys and values that products read too."""
    named = [o for o in outputs if _PRESENT.search(o) and len(ends.shape(o)) >= 3]
    if named:
        return named
    keys = _read_as_cache(ends.nodes)
    shapes = Counter(ends.shape(o) for o in outputs)
    return [o for o in outputs if o in keys and len(ends.shape(o)) == 4 and shapes[ends.shape(o)] >= 2]


def _read_as_cache(nodes: Sequence[Node]) -> set[str]:
    """Values that some product of two activations takes as keys or values, directly or rearranged."""
    wanted: set[str] = set()
    for node in reversed(nodes):
        if node.op_type == "MatMul" and len(node.inputs) == 2:
            wanted.add(node.inputs[1])
        elif node.op_type == "Attention" and not node.domain:
            wanted.update(node.inputs[1:3])
        elif (
            node.op_type in ("Transpose", "Reshape", "Expand", "Unsqueeze", "Mul", "Cast") and node.outputs[0] in wanted
        ):
            wanted.add(node.inputs[0])
    return wanted


def updates(inputs: Mapping[str, Declared], outputs: Mapping[str, Declared], nodes: Sequence[Node]) -> dict[str, Way]:
    """How each input that some output continues is updated, as far as the nodes outside branches and loops show."""
    made = {d.elem for d in outputs.values()}
    may = [n for n, d in inputs.items() if d.dims and d.elem in made and not _ORDINARY.search(n)]
    if not may:
        return {}
    flow = follow(nodes, may)
    found: dict[str, Way] = {}
    for present in outputs:
        ways = {p: w for p, w in flow.ways(present).items() if _is_sure(p, w, len(inputs[p].dims or ()))}
        named = [past for past in ways if _RECURRENT.search(past)]
        for past in named or list(ways)[:1]:  # of two inputs put together, the first is the past
            found.setdefault(past, ways[past])
    return found


def _is_sure(past: str, way: Way, rank: int) -> bool:
    """Whether the way of an input to an output is that of a state."""
    if way.update in (Update.ATTENTION, Update.RECURRENT):
        return True
    return way.update is not Update.NONE and (_RECURRENT.search(past) is not None or (way.read and rank >= 3))
