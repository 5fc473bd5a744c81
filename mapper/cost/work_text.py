"""A piece of work from a line of text, and its price on a unit: `mapper cost`."""

from __future__ import annotations

from typing import Any

from mapper.cost.estimate import Typed, retyped
from mapper.errors import UsageError, did_you_mean
from mapper.hw.target import Target, Unit
from mapper.hw.work import PJ_PER_J, TICKS_PER_SECOND, DType, Feed, Operand, Role, Work

EXAMPLES = {
    "matmul": "matmul m=4096 n=4096 k=4096 dtype=f16 (dynamic=1 when both sides are activations, batch=N)",
    "attention": "attention batch=1 heads=32 kv_heads=8 q=1 kv=4096 head_dim=128 causal=1",
    "norm": "norm rows=128 width=768",
    "softmax": "softmax rows=128 width=768",
    "elementwise": "elementwise elements=98304 flops=16",
    "embedding": "embedding rows=128 width=768",
    "move": "move elements=98304",
    "cast": "cast elements=98304",
}
"""What can be asked, one example each."""


def work_of_text(text: str) -> tuple[Work, DType | None]:
    """The work that a line like 'matmul m=4096 n=4096 k=4096 dtype=f16' describes, and the dtype it asks for.

    Without one the operands are f16, and each unit computes in the type of its own choice.
    """
    kind, *words = text.split()[:1] + text.split()[1:] or [""]
    if kind not in EXAMPLES:
        raise UsageError(f"no kind of work '{kind}'; {did_you_mean(kind, EXAMPLES)}", details=list(EXAMPLES.values()))
    dtype: DType | None = None
    sizes: dict[str, int] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if name == "dtype" and value in list(DType):
            dtype = DType(value)
        elif equals and value.isdigit():
            sizes[name] = int(value)
        else:
            raise UsageError(f"cannot read '{word}' in --work", hint=f"write {EXAMPLES[kind]}")
    return _checked(kind, sizes, dtype or DType.F16), dtype


def _checked(kind: str, sizes: dict[str, int], dtype: DType) -> Work:
    build, needed, optional = _BUILDERS[kind]
    missing = [n for n in needed if n not in sizes]
    unknown = [n for n in sizes if n not in (*needed, *optional)]
    if missing or unknown:
        words = [f"missing {', '.join(missing)}"] if missing else []
        words += [f"unknown {', '.join(unknown)}"] if unknown else []
        raise UsageError(f"{kind}: {'; '.join(words)}", hint=f"write {EXAMPLES[kind]}")
    work: Work = build(sizes, dtype)
    return work


def _activation(elements: int, dtype: DType) -> Operand:
    return Operand(Role.ACTIVATION, elements, dtype)


def _matmul(s: dict[str, int], t: DType) -> Work:
    batch, m, n, k = s.get("batch", 1), s["m"], s["n"], s["k"]
    right = Operand(Role.ACTIVATION if s.get("dynamic") else Role.WEIGHT, batch * k * n, t)
    dims = (("batch", batch), ("m", m), ("n", n), ("k", k))
    return Work("matmul", dims, (_activation(batch * m * k, t), right), (_activation(batch * m * n, t),), t)


def _attention(s: dict[str, int], t: DType) -> Work:
    batch, heads, q, kv, width = s.get("batch", 1), s["heads"], s["q"], s["kv"], s["head_dim"]
    groups = s.get("kv_heads", heads)
    new, old = min(q, kv), max(0, kv - q)
    dims = (
        ("batch", batch), ("heads", heads), ("kv_heads", groups), ("q", q), ("kv", kv), ("pairs", q * kv),
        ("head_dim", width), ("v_dim", s.get("v_dim", width)), ("causal", s.get("causal", 1)),
    )  # fmt: skip
    fresh = [_activation(batch * groups * new * width, t)] * 2
    state = [Operand(Role.STATE, batch * groups * old * width, t)] * 2 if old else []
    query = _activation(batch * heads * q * width, t)
    return Work("attention", dims, (query, *fresh, *state), (query,), t)


def _rows(kind: str, flops: int) -> Any:
    def build(s: dict[str, int], t: DType) -> Work:
        n = s["rows"] * s["width"]
        dims = (("rows", s["rows"]), ("width", s["width"]), ("elements", n), ("flops", flops))
        first = Operand(Role.WEIGHT, n, t) if kind == "embedding" else _activation(n, t)
        return Work(kind, dims, (first,), (_activation(n, t),), t)

    return build


def _flat(kind: str, flops: int) -> Any:
    def build(s: dict[str, int], t: DType) -> Work:
        n = s["elements"]
        dims = (("elements", n), ("flops", s.get("flops", flops)))
        return Work(kind, dims, (_activation(n, t),), (_activation(n, t),), t)

    return build


_BUILDERS: dict[str, tuple[Any, tuple[str, ...], tuple[str, ...]]] = {
    "matmul": (_matmul, ("m", "n", "k"), ("batch", "dynamic")),
    "attention": (_attention, ("heads", "q", "kv", "head_dim"), ("batch", "kv_heads", "v_dim", "causal")),
    "norm": (_rows("norm", 8), ("rows", "width"), ()),
    "softmax": (_rows("softmax", 14), ("rows", "width"), ()),
    "embedding": (_rows("embedding", 0), ("rows", "width"), ()),
    "elementwise": (_flat("elementwise", 1), ("elements",), ("flops",)),
    "move": (_flat("move", 0), ("elements",), ()),
    "cast": (_flat("cast", 1), ("elements",), ()),
}


def price(target: Target, unit: Unit, work: Work, wanted: DType | None = None) -> dict[str, Any]:
    """The cost of a piece of work on a unit in SI units, memory traffic included, or why the unit cannot do it."""
    typed = retyped(unit, work, wanted)
    if not isinstance(typed, Typed):
        return {"unit": unit.name, "why_not": typed[1]}
    weights = target.memory[unit.weights[0]] if unit.weights and work.weight else None
    resident = weights is not None and weights.unit == unit.name and unit.model.engine == "spatial"
    data = target.memory[unit.data]
    inflow = None if resident else (weights or data).bandwidth_bytes_per_s
    cost = unit.model.cost(typed.works[0], Feed(data.bandwidth_bytes_per_s, inflow))
    causes = {cause: pj / PJ_PER_J for cause, pj in cost.energy_pj}
    for memory, size in ((data, cost.data_bytes), (weights, cost.weight_bytes)):
        if memory is not None and size:
            cause = f"memory {memory.name}"
            causes[cause] = causes.get(cause, 0.0) + 8 * size * memory.energy_pj_per_bit / PJ_PER_J
    return {
        "unit": unit.name,
        "why_not": "",
        "dtype": typed.types[0].value,
        "time_s": cost.ticks / TICKS_PER_SECOND,
        "energy_j": sum(causes.values()),
        "energy_by_cause_j": causes,
        "data_bytes": cost.data_bytes,
        "weight_bytes": cost.weight_bytes,
        "limited_by": cost.limited_by,
        "band": cost.band,
    }
