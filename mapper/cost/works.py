"""Work built from sizes by hand, without a graph: what a line of text or a row of a table asks for."""

from __future__ import annotations

from typing import NamedTuple

from mapper.hw.work import DType, Operand, Role, Work
from mapper.ir.kinds import flops_per_element

ROW_FLOPS = {"norm": 8, "softmax": 14, "embedding": 0}
"""Operations per element of kinds over rows, as in mapper.ir.kinds."""

FUNCTIONS = (
    "elementwise", "relu", "gelu", "silu", "tanh", "sigmoid", "exp", "log", "sqrt", "erf", "softplus", "clip", "rope",
    "pow_scalar", "div_scalar",
)  # fmt: skip
"""Element-wise functions of one tensor; `elementwise` is one operation per element."""

BINARY_FUNCTIONS = ("add", "sub", "mul", "div", "pow", "swiglu", "geglu")
"""Element-wise functions of two tensors of the size of the result."""

COPIES = {"cast": 1, "move": 0}
"""Kinds that hand elements on, with their operations per element."""


class Types(NamedTuple):
    """The number types of a piece of work: of the arithmetic and of what lies in memory."""

    arithmetic: DType
    activations: DType
    weights: DType
    results: DType

    @classmethod
    def all(cls, dtype: DType) -> Types:
        """One type for everything."""
        return cls(dtype, dtype, dtype, dtype)


def product(m: int, n: int, k: int, types: Types, *, batch: int = 1, dynamic: bool = False) -> Work:
    """`batch` products of m x k with k x n; the right side is a weight unless both change on every call."""
    right = (
        Operand(Role.ACTIVATION, batch * k * n, types.activations)
        if dynamic
        else Operand(Role.WEIGHT, batch * k * n, types.weights)
    )
    left = Operand(Role.ACTIVATION, batch * m * k, types.activations)
    out = Operand(Role.ACTIVATION, batch * m * n, types.results)
    return Work("matmul", (("batch", batch), ("m", m), ("n", n), ("k", k)), (left, right), (out,), types.arithmetic)


def attention(
    *,
    batch: int,
    heads: int,
    kv_heads: int,
    q: int,
    kv: int,
    head_dim: int,
    types: Types,
    v_dim: int = 0,
    causal: int = 1,
    window: int = 0,
    cache: DType | None = None,
    shared: bool = False,
) -> Work:
    """Attention of the last q of kv positions; the first kv - q are read from a cache of type `cache`.

    In a shared cache values are the first v_dim elements of the keys, as in latent attention.
    """
    new, old = min(q, kv), max(0, kv - q)
    reach = (("reach", window),) if 0 < window < kv else ()
    dims = (
        ("batch", batch), ("heads", heads), ("kv_heads", kv_heads), ("q", q), ("kv", kv), ("pairs", q * kv), *reach,
        ("head_dim", head_dim), ("v_dim", v_dim or head_dim), ("causal", causal),
    )  # fmt: skip
    read = min(old, max(0, window - new)) if reach else old
    widths = (head_dim,) if shared else (head_dim, v_dim or head_dim)
    fresh = [Operand(Role.ACTIVATION, batch * kv_heads * new * width, types.activations) for width in widths]
    stored = cache or types.activations
    state = [Operand(Role.STATE, batch * kv_heads * read * width, stored) for width in widths] if read else []
    query = Operand(Role.ACTIVATION, batch * heads * q * head_dim, types.activations)
    out = Operand(Role.ACTIVATION, batch * heads * q * (v_dim or head_dim), types.results)
    return Work("attention", dims, (query, *fresh, *state), (out,), types.arithmetic)


def over_rows(kind: str, rows: int, width: int, types: Types, name: str = "") -> Work:
    """A norm, a softmax or an embedding (which reads the rows that it picks) over `rows` rows of `width`; `name` says
    which norm."""
    n = rows * width
    dims = (("rows", rows), ("width", width), ("elements", n), ("flops", ROW_FLOPS[kind]))
    first = (
        Operand(Role.WEIGHT, n, types.weights)
        if kind == "embedding"
        else Operand(Role.ACTIVATION, n, types.activations)
    )
    return Work(kind, dims, (first,), (Operand(Role.ACTIVATION, n, types.results),), types.arithmetic, function=name)


def function(name: str, elements: int, types: Types, *, flops: int | None = None, rows: int = 0) -> Work:
    """An element-wise function, by its name, with `elements` results; in so many rows where that is known."""
    dims = (
        *((("rows", rows), ("width", elements // rows)) if rows else ()),
        ("elements", elements),
        ("flops", flops_per_element(name.removesuffix("_scalar")) if flops is None else flops),
    )
    reads = 2 if name in BINARY_FUNCTIONS else 1
    inputs = tuple([Operand(Role.ACTIVATION, elements, types.activations)] * reads)
    out = Operand(Role.ACTIVATION, elements, types.results)
    return Work("elementwise", dims, inputs, (out,), types.arithmetic, function=name)


def copy(kind: str, elements: int, types: Types) -> Work:
    """A cast or a move of `elements`."""
    dims = (("elements", elements), ("flops", COPIES[kind]))
    moved = Operand(Role.ACTIVATION, elements, types.activations)
    return Work(kind, dims, (moved,), (Operand(Role.ACTIVATION, elements, types.results),), types.arithmetic)
