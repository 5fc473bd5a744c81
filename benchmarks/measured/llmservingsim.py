"""LLMServingSim (MIT): layers and attention of Llama-3.1-8B and Phi-mini-MoE under PyTorch and vLLM."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.measured.points import Columns, Point, held_out_shape, records, target_of
from benchmarks.measured.xla_layers import MEMORY_BYTES_PER_S, Group, Row, groups

SOURCE = "llmservingsim"

LLAMA = {"hidden": 4096, "heads": 32, "kv_heads": 8, "head_dim": 128, "inner": 14336, "vocab": 128256}
PHI_MOE = {"hidden": 4096, "heads": 32, "kv_heads": 8, "head_dim": 128, "inner": 960, "vocab": 32064}
"""Sizes of the models (their public configurations)."""


def points(folder: Path) -> Iterator[Point]:
    """Dense layers of each file, then attention. Two-way parallel files are held out; of a TPU one shape in four, with
    its rows: it has four shapes of weights only, and those of one of them are mostly not what their name says."""
    base = folder / SOURCE
    for path in sorted(base.glob("*.csv")):
        device = path.stem.removeprefix("v0_").split("_")[0]
        model = PHI_MOE if "Phi-mini" in path.stem else LLAMA
        ways = 2 if "_tp2_" in path.stem else 1
        held_out = ways == 2 or model is PHI_MOE
        old = path.stem.startswith("v0")
        if path.stem.endswith("attention"):
            read = _old_attention if old else _attention
            yield from read(path, device, model, ways, held_out)
        elif device in MEMORY_BYTES_PER_S:
            yield from _compiled(path, device, model, ways)
        else:
            yield from _layers(path, device, model, ways, held_out, eager=old)


def _layers(
    path: Path, device: str, model: dict[str, int], ways: int, held_out: bool, *, eager: bool
) -> Iterator[Point]:
    for row in _rows(path):
        found = _layer(row.layer, model, ways)
        if found is None:
            continue
        op, columns = found
        given = {"target": target_of(device), "m": row.tokens, "dtype": "bf16", **columns}
        first, *also = kernels(given, model) if eager else [given]
        yield Point(SOURCE, device, op, first, row.seconds, held_out, tuple(also))


def _rows(path: Path) -> list[Row]:
    found = []
    for row in records(path):
        tokens = int(row.get("input") or row.get("tokens") or row["sequences"])
        found.append(
            Row(row.get("layer_name") or row["layer"], tokens, float(row.get("latency_us") or row["time_us"]) * 1e-6)
        )
    return [row for row in found if row.seconds > 0]


def _compiled(path: Path, device: str, model: dict[str, int], ways: int) -> Iterator[Point]:
    """Layers under XLA; those apart are on lines that no bar is about."""

    def weight_bytes(layer: str) -> int:
        _, columns = _layer(layer, model, ways) or ("", {})
        return 2 * int(columns.get("n", 0)) * int(columns.get("k", 0))

    for group in groups(_rows(path), device, weight_bytes):
        found = [known for known in (_layer(layer, model, ways) for layer in group.layers) if known is not None]
        if found:
            yield _grouped(group, device, found)


def _grouped(group: Group, device: str, found: list[tuple[str, dict[str, str | int]]]) -> Point:
    rows: list[Columns] = [
        {"target": target_of(device), "m": group.tokens, "dtype": "bf16", **columns} for _, columns in found
    ]
    op, columns = found[0]
    held_out = held_out_shape(group.tokens, columns["n"], columns.get("k", 0))
    name = f"{group.apart} {op}" if group.apart else op
    return Point(SOURCE, device, name, rows[0], group.seconds, held_out, tuple(rows[1:]))


def kernels(row: Columns, model: dict[str, int]) -> list[Columns]:
    """The kernels of a layer as PyTorch without compiler runs the model's Python (Hugging Face's modelling code), which
    is what the first version of the source measured. A row of `elementwise` or `move` reads and writes `n` elements;
    what changes the type moves three quarters of f32, what reduces half of it.

    RMSNorm: to f32, square, mean, + epsilon, reciprocal root, times, to bf16, times weight. Rope, of queries and of
    keys: times cosine, half negated, concatenated, times sine, added. Gate: SiLU, product. Others are one kernel.
    """

    def kernel(kind: str, width: int, dtype: str = "bf16") -> Columns:
        return {**row, "kind": kind, "n": width, "dtype": dtype}

    n = int(row.get("n", 0))
    match row["kind"]:
        case "rmsnorm":
            whole = [kernel("elementwise", width, "f32") for width in (3 * n // 4, n, n // 2, 1, 1, n, 3 * n // 4)]
            return [*whole, kernel("elementwise", n)]
        case "swiglu":
            return [kernel("silu", n), kernel("mul", n)]
        case "rope":
            keys = n * model["kv_heads"] // (model["heads"] + model["kv_heads"])
            steps = ("elementwise", 1), ("elementwise", 2), ("move", 1), ("elementwise", 1), ("add", 1)
            return [kernel(kind, part // share) for part in (n - keys, keys) for kind, share in steps]
    return [row]


def _layer(layer: str, model: dict[str, int], ways: int) -> tuple[str, dict[str, str | int]] | None:
    """The line of the table and the columns of a layer; None for what is no single kernel (a sampler, a router)."""
    hidden, inner = model["hidden"], model["inner"] // ways
    queries = model["heads"] * model["head_dim"] // ways
    keys = model["kv_heads"] * model["head_dim"] // ways
    products = {
        "q_proj": (queries, hidden), "k_proj": (keys, hidden), "v_proj": (keys, hidden), "o_proj": (hidden, queries),
        "qkv_proj": (queries + 2 * keys, hidden), "gate_proj": (inner, hidden), "up_proj": (inner, hidden),
        "gate_up_proj": (2 * inner, hidden), "down_proj": (hidden, inner), "lm_head": (model["vocab"] // ways, hidden),
        "expert.w1": (inner, hidden), "expert.w3": (inner, hidden), "expert.w2": (hidden, inner),
    }  # fmt: skip
    if layer in products:
        n, k = products[layer]
        return "linear bf16", {"kind": "matmul", "n": n, "k": k}
    if layer.endswith("layernorm"):
        return "norm bf16", {"kind": "layernorm" if model is PHI_MOE else "rmsnorm", "n": hidden}
    if layer == "act_fn":
        return "elementwise bf16", {"kind": "swiglu", "n": inner}
    if layer in ("rope", "rotary_emb"):
        return "elementwise bf16", {"kind": "rope", "n": queries + keys}
    if layer == "embedding":
        return "embedding bf16", {"kind": "embedding", "n": hidden}
    return None


def _old_attention(path: Path, device: str, model: dict[str, int], ways: int, held_out: bool) -> Iterator[Point]:
    """Attention of the first version: a chunk of a prompt after a cache, or one token each of a batch.

    Its decode times imply up to 15 times the bandwidth of the memory: all requests of a batch read the same cache. That
    is no decode, so it is a line of its own that no bar is about.
    """
    for row in records(path):
        prefill = row["is_prefill"] == "True"
        phase = "prefill" if prefill else "decode"
        milliseconds = row[f"time_stats.attn_{phase}.median"]
        if not milliseconds:
            continue
        seq = int(row["prefill_chunk_size"]) if prefill else 1
        columns = {"seq": seq, "past": max(0, int(row["kv_cache_size"]) - (0 if prefill else 1))}
        given = {**_heads(device, model, ways), "batch": row["batch_size"], **columns}
        op = "prefill bf16" if prefill else "decode of one cache bf16"
        yield Point(SOURCE, device, op, given, float(milliseconds) * 1e-3, held_out)


def _attention(path: Path, device: str, model: dict[str, int], ways: int, held_out: bool) -> Iterator[Point]:
    """Attention of a batch that is only a chunk of a prompt, or only decodes; mixed batches are several works."""
    for row in records(path):
        chunk, cached, many = int(row["prefill_chunk"]), int(row["kv_prefill"]), int(row["n_decode"])
        if bool(chunk) == bool(many):
            continue
        sizes = {"batch": 1, "seq": chunk, "past": cached} if chunk else {
            "batch": many, "seq": 1, "past": max(0, int(row["kv_decode"]) - 1)}  # fmt: skip
        given = {**_heads(device, model, ways), **sizes}
        phase = "prefill" if chunk else "decode"
        yield Point(SOURCE, device, f"{phase} bf16", given, float(row["time_us"]) * 1e-6, held_out)


def _heads(device: str, model: dict[str, int], ways: int) -> dict[str, str | int]:
    return {
        "target": target_of(device),
        "kind": "attention",
        "heads": model["heads"] // ways,
        "kv_heads": model["kv_heads"] // ways,
        "head_dim": model["head_dim"],
        "dtype": "bf16",
    }
