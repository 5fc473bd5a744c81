"""Questions from the rows of a table: the columns of `mapper cost --csv`, and what is wrong with a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mapper.cost.pricing import Exchange, Question, Refused
from mapper.cost.works import (
    BINARY_FUNCTIONS,
    COPIES,
    FUNCTIONS,
    Types,
    attention,
    copy,
    function,
    over_rows,
    product,
)
from mapper.errors import did_you_mean
from mapper.hw.collective import KINDS as EXCHANGES
from mapper.hw.work import DType, Work

COLUMNS = (
    "target", "unit", "kind", "m", "n", "k", "batch", "heads", "kv_heads", "head_dim", "seq", "past", "dtype", "bytes",
    "ranks",
)  # fmt: skip
"""Columns of a table, in any order; only `target` and `kind` must be there."""

OPTIONAL = ("window", "causal", "kv_dtype", "kv_shared", "weight_dtype")
"""Further columns: of attention the visible positions before a query (0: all), 0 where every query sees every key, the
type of the cache, and 1 where its values are the keys' own bytes; of products the type of the weights where it is not
that of the activations."""

ROWS = {"layernorm": "norm", "rmsnorm": "norm", "norm": "norm", "softmax": "softmax", "embedding": "embedding"}
"""Words for kinds over m rows of width n."""

NORMS = {"layernorm": "layer", "rmsnorm": "rms"}
"""Which norm a word means, as passes name them."""

ALIASES = {
    "gemm": "matmul", "linear": "matmul", "bmm": "matmul", "layer_norm": "layernorm", "rms_norm": "rmsnorm",
    "silu_mul": "swiglu", "gelu_mul": "geglu", "copy": "move", "alltoall": "all_to_all", "allreduce": "all_reduce",
    "allgather": "all_gather", "reducescatter": "reduce_scatter", "p2p": "send_recv",
}  # fmt: skip
"""Other words in use for the same."""

KINDS = ("matmul", "attention", *ROWS, *FUNCTIONS, *BINARY_FUNCTIONS, *COPIES, *EXCHANGES)
"""What a row can ask for."""

_F, _B = DType.F16, DType.BF16
TYPES: dict[str, Types] = {
    **{d.value: Types.all(d) for d in DType if d.is_float},
    "f8": Types(DType.F8, DType.F8, DType.F8, _B),
    "f4": Types(DType.F4, DType.F4, DType.F4, _B),
    **{d.value: Types(d, d, d, DType.I32) for d in DType if d.value[0] == "i" and d.bits <= 16},
    "int8_wo": Types(_F, _F, DType.I8, _F),
    "int4_wo": Types(_F, _F, DType.I4, _F),
}
"""The types of a product by its word: narrow floats leave 16 bits, integers 32; `_wo` is weights only."""

_WORDS = {
    "fp64": "f64", "float64": "f64", "fp32": "f32", "float32": "f32", "float": "f32", "fp16": "f16", "float16": "f16",
    "half": "f16", "bfloat16": "bf16", "fp8": "f8", "float8": "f8", "fp8_e4m3": "f8", "fp4": "f4", "nvfp4": "f4",
    "int8": "i8", "int4": "i4", "w8a16": "int8_wo", "w4a16": "int4_wo",
}  # fmt: skip

MOST = 2**48
"""Larger sizes are mistakes."""

Cells = Mapping[str, str]


class BadCell(Exception):
    """A cell that cannot be read: its column and what is wrong."""

    def __init__(self, column: str, why: str) -> None:
        super().__init__(why)
        self.column = column
        self.why = why


def question_of(cells: Cells) -> Question | Refused:
    """The question that a row asks, or which column is at fault and why."""
    try:
        return _question(cells)
    except BadCell as bad:
        return Refused(bad.why, bad.column)


def _question(cells: Cells) -> Question:
    word = cells.get("kind", "").lower()
    kind = ALIASES.get(word, word)
    if not cells.get("target"):
        raise BadCell("target", "is empty")
    if kind not in KINDS:
        raise BadCell("kind", f"'{word}' is no kind; {did_you_mean(word, KINDS)}" if word else "is empty")
    target, unit = cells["target"], cells.get("unit", "")
    if kind in EXCHANGES:
        return Question(target, unit, Exchange(kind, _size(cells, "bytes"), _size(cells, "ranks")))
    types = _types(cells, "dtype")
    stated = bool(cells.get("dtype"))
    if kind == "matmul":
        if cells.get("weight_dtype"):
            types = types._replace(weights=_types(cells, "weight_dtype").weights)
        return Question(target, unit, _product(cells, types), stated)
    if kind == "attention":
        return Question(target, unit, _attention(cells, types), stated)
    return Question(target, unit, _other(kind, cells, Types.all(types.arithmetic)), stated)


def _product(cells: Cells, types: Types) -> Work:
    batch = _size(cells, "batch", 1)
    m, n, k = (_size(cells, name) for name in ("m", "n", "k"))
    return product(m, n, k, types, batch=batch, dynamic=batch > 1)


def _attention(cells: Cells, types: Types) -> Work:
    heads, seq = _size(cells, "heads"), _size(cells, "seq")
    groups = _size(cells, "kv_heads", heads)
    if heads % groups:
        raise BadCell("kv_heads", f"{groups} KV heads do not divide {heads} heads")
    return attention(
        batch=_size(cells, "batch", 1),
        heads=heads,
        kv_heads=groups,
        q=seq,
        kv=_size(cells, "past", 0, least=0) + seq,
        head_dim=_size(cells, "head_dim"),
        types=types,
        causal=min(1, _size(cells, "causal", 1, least=0)),
        window=_size(cells, "window", 0, least=0),
        cache=_types(cells, "kv_dtype").activations if cells.get("kv_dtype") else None,
        shared=_size(cells, "kv_shared", 0, least=0) > 0,
    )


def _other(kind: str, cells: Cells, types: Types) -> Work:
    """A kind over rows, a function or a copy of m (times batch) rows of width n, or of as many elements as `bytes`."""
    if not cells.get("n") and cells.get("bytes") and kind not in ROWS:
        rows, width = 1, max(1, _size(cells, "bytes") * 8 // types.activations.bits)
    else:
        rows, width = _size(cells, "m", 1) * _size(cells, "batch", 1), _size(cells, "n")
    if kind in ROWS:
        return over_rows(ROWS[kind], rows, width, types, NORMS.get(kind, ""))
    if kind in COPIES:
        return copy(kind, rows * width, types)
    return function(kind, rows * width, types, rows=rows if cells.get("n") else 0)


def _types(cells: Cells, column: str) -> Types:
    """The types behind a word; f16 where there is none."""
    word = cells.get(column, "").lower() or "f16"
    known = _WORDS.get(word, word)
    if known not in TYPES:
        raise BadCell(column, f"'{word}' is no number type; {did_you_mean(word, [*TYPES, *_WORDS])}")
    return TYPES[known]


def _size(cells: Cells, column: str, default: int | None = None, least: int = 1) -> int:
    """A whole number from a cell; tables of numbers with gaps write 8 as 8.0."""
    text = cells.get(column, "")
    if not text:
        if default is None:
            raise BadCell(column, "is empty")
        return default
    try:
        size = int(text) if text.isdecimal() else _whole(text)
    except (ValueError, OverflowError):
        raise BadCell(column, f"'{text}' is no whole number") from None
    if not least <= size <= MOST:
        raise BadCell(column, f"{text} is not between {least} and 2^48")
    return size


def _whole(text: str) -> int:
    number = float(text)
    if number != int(number):
        raise ValueError(text)
    return int(number)


def reader(header: Sequence[str]) -> Callable[[Sequence[str]], Question | Refused]:
    """A function from the cells of a row under this header to its question; equal rows are read once."""
    used = [(i, name) for i, name in enumerate(header) if name in COLUMNS or name in OPTIONAL]
    known: dict[tuple[str, ...], Question | Refused] = {}

    def read(row: Sequence[str]) -> Question | Refused:
        key = tuple([row[i].strip() for i, _ in used])
        if key not in known:
            known[key] = question_of({name: cell for (_, name), cell in zip(used, key, strict=True)})
        return known[key]

    return read
