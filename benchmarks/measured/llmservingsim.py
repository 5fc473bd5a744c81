"""LLMServingSim (MIT): layers and attention of Llama-3.1-8B and Phi-mini-MoE under PyTorch and vLLM."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.measured.points import Columns, Point, held_out_shape, records, target_of

SOURCE = "llmservingsim"

LLAMA = {"hidden": 4096, "heads": 32, "kv_heads": 8, "head_dim": 128, "inner": 14336, "vocab": 128256}
PHI_MOE = {"hidden": 4096, "heads": 32, "kv_heads": 8, "head_dim": 128, "inner": 960, "vocab": 32064}
"""Sizes of the models (their public configurations)."""


def points(folder: Path) -> Iterator[Point]:
    """Dense layers of each file, then attention. Two-way parallel files are held out; TPU layers by their shape."""
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
        else:
            yield from _layers(path, device, model, ways, held_out, eager=old and not device.startswith("TPU"))


def _layers(
    path: Path, device: str, model: dict[str, int], ways: int, held_out: bool, *, eager: bool
) -> Iterator[Point]:
    for row in records(path):
        layer = row.get("layer_name") or row["layer"]
        tokens = int(row.get("input") or row.get("tokens") or row["sequences"])
        seconds = float(row.get("latency_us") or row["time_us"]) * 1e-6
        found = _layer(layer, model, ways)
        if found is None or seconds <= 0:
            continue
        op, columns = found
        out = held_out_shape(columns["n"], columns["k"]) if device.startswith("TPU") and "k" in columns else held_out
        given = {"target": target_of(device), "m": tokens, "dtype": "bf16", **columns}
        first, *also = kernels(given, model) if eager else [given]
        yield Point(SOURCE, device, op, first, seconds, out, tuple(also))


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
