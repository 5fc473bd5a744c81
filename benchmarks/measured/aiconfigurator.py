"""AIConfigurator (Apache-2.0): GEMM, attention and NCCL of A100, H100 and L40S, split by shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.measured.points import Point, held_out_shape, records, target_of
from mapper.hw.library import target_names
from mapper.hw.load import load_target
from targets.models.gpu import Gpu

SOURCE = "aiconfigurator"
FILES = ("gemm", "attn_prefill", "attn_decode")
"""Beginnings of the names of files, before the device."""

TYPES = {"bfloat16": "bf16", "fp8": "f8", "int8_wo": "int8_wo", "int4_wo": "int4_wo", "nvfp4": "f4"}
NARROW = ("fp8", "int8")
"""Types of a cache of one byte; all others have two."""

FAR_BEYOND_L2 = 2**30
"""A cache of so many bytes is read from memory."""

BYTES = {"half": 2, "int8": 1, "bfloat16": 2}
COLLECTIVES = {"alltoall": "all_to_all"}
SYSTEMS = {
    "a100_sxm": "dgx-a100",
    "l40s": "l40s-8",
    "h100_sxm": "dgx-h100",
    "h200_sxm": "hgx-h200",
    "b200_sxm": "hgx-b200",
}
"""The machine whose links the collectives of a device were measured on."""


def points(folder: Path) -> Iterator[Point]:
    """Products, prefill, decode and collectives of each device."""
    for device in _devices(folder / SOURCE):
        yield from _products(folder / SOURCE / f"gemm_{device}.csv", device)
        yield from _attention(folder / SOURCE / f"attn_prefill_{device}.csv", device, "prefill")
        yield from _attention(folder / SOURCE / f"attn_decode_{device}.csv", device, "decode")
    for device in SYSTEMS:
        yield from _collectives(folder / SOURCE / f"nccl_{device}.csv", device)
        yield from _custom(folder / SOURCE / f"custom_allreduce_{device}.csv", device)


def _devices(folder: Path) -> list[str]:
    """The devices that the folder has files of."""
    return sorted({path.stem.removeprefix(f"{name}_") for name in FILES for path in folder.glob(f"{name}_*.csv")})


def _type(word: str) -> str:
    return TYPES.get(word, word)


def _products(path: Path, device: str) -> Iterator[Point]:
    """Products, held out by the shape n x k of the weight."""
    for row in records(path):
        dtype = _type(row["dtype"])
        columns = {"target": target_of(device), "kind": "matmul", "dtype": dtype, **{s: row[s] for s in "mnk"}}
        held_out = held_out_shape(row["n"], row["k"])
        yield Point(SOURCE, device, f"gemm {dtype}", columns, float(row["latency_us"]) * 1e-6, held_out)


def _attention(path: Path, device: str, phase: str) -> Iterator[Point]:
    """Attention, held out by batch and heads. In decode one new token follows `step` cached ones."""
    rows = list(records(path))
    fitted = [row for row in rows if not _held_out(row)]  # what a table is must not be read off rows that judge it
    shared = phase == "decode" and _values_are_keys(fitted, target_of(device))
    for row in rows:
        dtype, cache, window = _type(row["attn_dtype"]), _type(row["kv_cache_dtype"]), int(row["window_size"])
        heads = (row["num_heads"], row["num_key_value_heads"], row["head_dim"])
        decode = phase == "decode"
        columns: dict[str, str | int] = {
            "target": target_of(device),
            "kind": "attention",
            "batch": row["batch_size"],
            "heads": heads[0],
            "kv_heads": heads[1],
            "head_dim": heads[2],
            "seq": 1 if decode else row["isl"],
            "past": int(row["isl"]) + int(row["step"]) - 1 if decode else 0,
            "dtype": dtype,
        }
        if cache != dtype:
            columns["kv_dtype"] = cache
        if window:
            columns["window"] = window
        if shared:
            columns["kv_shared"] = 1
        types = dtype if cache == dtype else f"{dtype} cache {cache}"
        op = f"{phase} {types}" + (" window" if window else "")
        yield Point(SOURCE, device, op, columns, float(row["latency_us"]) * 1e-6, _held_out(row))


def _held_out(row: Mapping[str, str]) -> bool:
    return held_out_shape(row["batch_size"], row["num_heads"], row["num_key_value_heads"], row["head_dim"])


def _values_are_keys(rows: Sequence[Mapping[str, str]], target: str) -> bool:
    """Whether a decode table was measured on caches whose values are the keys' own bytes.

    Collectors of 2025 asked the library for a cache of type SELFKONLY (collector/trtllm/collect_attn.py of the source),
    which has one pool for both. Such a table gives itself away: caches far larger than any L2 are read faster than the
    memory can be. It is as if the cache were one byte wide where a kernel reads values right after their keys, and not
    where it reads all keys first and they have left the L2 by then: so the A100's table says, on both sides.
    """
    if target not in target_names():
        return False
    known = load_target(target)
    peak = known.memory[next(u for u in known.units if isinstance(u.model, Gpu)).data].bandwidth_bytes_per_s
    return any(size >= FAR_BEYOND_L2 and size > peak * float(row["latency_us"]) * 1e-6
               for row in rows if not int(row["window_size"]) for size in [_cache_bytes(row)])  # fmt: skip


def _cache_bytes(row: Mapping[str, str]) -> int:
    """Bytes of keys and values, each apart."""
    tokens = int(row["batch_size"]) * (int(row["isl"]) + int(row["step"]))
    width = int(row["num_key_value_heads"]) * int(row["head_dim"]) * 2
    return tokens * width if row["kv_cache_dtype"] in NARROW else 2 * tokens * width


def _collectives(path: Path, device: str) -> Iterator[Point]:
    """NCCL; every other power of two is held out. `message_size` counts elements of the whole tensor."""
    for row in records(path):
        size, kind = int(row["message_size"]), COLLECTIVES.get(row["op_name"], row["op_name"])
        yield _collective(device, kind, row["num_gpus"], size, size * BYTES[row["nccl_dtype"]], row)


def _custom(path: Path, device: str) -> Iterator[Point]:
    """TensorRT-LLM's own all-reduce."""
    for row in records(path):
        size = int(row["message_size"])
        moved = size * BYTES[row["allreduce_dtype"]]
        yield _collective(device, "custom_all_reduce", row["num_gpus"], size, moved, row)


def _collective(device: str, kind: str, ranks: str, elements: int, size: int, row: dict[str, str]) -> Point:
    columns = {"target": SYSTEMS[device], "kind": kind, "bytes": size, "ranks": ranks}
    op = f"{kind} x{ranks}"
    return Point(SOURCE, device, op, columns, float(row["latency_us"]) * 1e-6, elements.bit_length() % 2 == 0)
