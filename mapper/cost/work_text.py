"""A piece of work from a line of text, and its price on a unit: `mapper cost`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mapper.cost.asked import Typed
from mapper.cost.estimate import retyped
from mapper.cost.pricing import energy_by_cause, feed_of
from mapper.cost.works import Types, attention, copy, function, over_rows, product
from mapper.errors import UsageError, did_you_mean
from mapper.hw.target import Target, Unit
from mapper.hw.work import TICKS_PER_SECOND, DType, Work

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


_Builder = Callable[[dict[str, int], DType], Work]


def _checked(kind: str, sizes: dict[str, int], dtype: DType) -> Work:
    build, needed, optional = _BUILDERS[kind]
    missing = [n for n in needed if n not in sizes]
    unknown = [n for n in sizes if n not in (*needed, *optional)]
    if missing or unknown:
        words = [f"missing {', '.join(missing)}"] if missing else []
        words += [f"unknown {', '.join(unknown)}"] if unknown else []
        raise UsageError(f"{kind}: {'; '.join(words)}", hint=f"write {EXAMPLES[kind]}")
    return build(sizes, dtype)


def _matmul(s: dict[str, int], t: DType) -> Work:
    return product(s["m"], s["n"], s["k"], Types.all(t), batch=s.get("batch", 1), dynamic=bool(s.get("dynamic")))


def _attention(s: dict[str, int], t: DType) -> Work:
    given = {"batch": 1, "kv_heads": s["heads"], **s}
    return attention(**given, types=Types.all(t))  # type: ignore[arg-type]


def _rows(kind: str) -> _Builder:
    return lambda s, t: over_rows(kind, s["rows"], s["width"], Types.all(t))


_BUILDERS: dict[str, tuple[_Builder, tuple[str, ...], tuple[str, ...]]] = {
    "matmul": (_matmul, ("m", "n", "k"), ("batch", "dynamic")),
    "attention": (_attention, ("heads", "q", "kv", "head_dim"), ("batch", "kv_heads", "v_dim", "causal", "window")),
    "norm": (_rows("norm"), ("rows", "width"), ()),
    "softmax": (_rows("softmax"), ("rows", "width"), ()),
    "embedding": (_rows("embedding"), ("rows", "width"), ()),
    "elementwise": (
        lambda s, t: function("elementwise", s["elements"], Types.all(t), flops=s.get("flops")),
        ("elements",),
        ("flops",),
    ),
    "move": (lambda s, t: copy("move", s["elements"], Types.all(t)), ("elements",), ()),
    "cast": (lambda s, t: copy("cast", s["elements"], Types.all(t)), ("elements",), ()),
}


def price(target: Target, unit: Unit, work: Work, wanted: DType | None = None) -> dict[str, Any]:
    """The cost of a piece of work on a unit in SI units, memory traffic included, or why the unit cannot do it."""
    typed = retyped(unit, work, wanted)
    if not isinstance(typed, Typed):
        return {"unit": unit.name, "why_not": typed[1]}
    cost = unit.model.cost(typed.works[0], feed_of(target, unit, work))
    causes = energy_by_cause(target, unit, work, cost)
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
        "validated": cost.validated,
        "energy_band": cost.energy_band,
        "wear": cost.wear,
    }
