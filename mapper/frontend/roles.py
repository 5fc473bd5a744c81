"""The roles of input dims (batch, seq, past, total), found from the names, types and ranks of the inputs."""

from __future__ import annotations

import re
from collections.abc import Mapping

import onnx

from mapper.frontend.facts import Declared, DimTerm
from mapper.frontend.state import is_cache, is_cross

ROLES = ("batch", "seq", "past", "total")

Slot = tuple[str, int]
"""One dim of one input: its name and the dim's index."""

_TOKENS = re.compile(
    r"input_ids?$|token_type_ids?$|segment_ids?$|inputs_embeds$|^tokens?$|^ids$|decoder_input", re.IGNORECASE
)
_POSITIONS = re.compile(r"position_ids?$|cache_position$|^positions?$", re.IGNORECASE)
_MASK = re.compile(r"attention_mask$|attn_mask$|input_mask$", re.IGNORECASE)
_PICTURES = re.compile(r"pixel_values|^image|^img|input_features|^latent", re.IGNORECASE)
_NOT_BATCH = re.compile(r"seq|len|time|step|frame", re.IGNORECASE)
_INTEGERS = frozenset({onnx.TensorProto.INT64, onnx.TensorProto.INT32})


def find_roles(inputs: Mapping[str, Declared]) -> dict[Slot, str]:
    """Roles by input dim; a dim without one is bound by its own name."""
    found: dict[Slot, str] = {}
    has_past = any(is_cache(name, len(d.dims)) and not is_cross(name) for name, d in inputs.items() if d.dims)
    main = next((n for n in inputs if _TOKENS.search(n) and "decoder" in n), "") or next(
        (n for n in inputs if _TOKENS.search(n) and not is_cross(n)), ""
    )
    for name, declared in inputs.items():
        dims = declared.dims
        if not dims:
            continue
        for index, role in _roles_of(name, declared.elem, dims, has_past, main).items():
            found[name, index] = role
    for slot, role in _batch_elsewhere(inputs, found).items():
        found.setdefault(slot, role)
    return found


def _roles_of(name: str, elem: int, dims: tuple[DimTerm, ...], has_past: bool, main: str) -> dict[int, str]:
    rank = len(dims)
    if is_cache(name, rank):
        return _cache_roles(name, dims)
    if _MASK.search(name) and not is_cross(name):
        length = "total" if has_past else "seq"
        if rank == 4:
            return {0: "batch", 2: "seq", 3: length}
        return {0: "batch", 1: length} if rank == 2 else {}
    if _POSITIONS.search(name):
        return {rank - 1: "seq"} | ({0: "batch"} if rank == 2 else {})
    if _TOKENS.search(name) and rank >= 2 and (elem in _INTEGERS or rank == 3):
        belongs = name == main or ("decoder" in main) == ("decoder" in name)
        return {0: "batch", 1: "seq"} if belongs else {0: "batch"}
    if _PICTURES.search(name) and rank >= 3:
        return {0: "batch"}
    return {}


def _cache_roles(name: str, dims: tuple[DimTerm, ...]) -> dict[int, str]:
    """Roles of a cache [batch, heads, past, width], of its transposes, or of keys and values in one [2, batch, ...]."""
    rank = len(dims)
    batch = 1 if rank == 5 and dims[0] == 2 else 0
    if is_cross(name):
        return {batch: "batch"}
    open_dims = [i for i in range(batch + 1, rank) if not isinstance(dims[i], int)]
    length = rank - 2 if rank - 2 in open_dims or not open_dims else open_dims[0]
    return {batch: "batch", length: "past"}


def _batch_elsewhere(inputs: Mapping[str, Declared], found: Mapping[Slot, str]) -> dict[Slot, str]:
    """Batch for the open leading dims of other inputs, unless they have different names or their name says length."""
    leading = {
        (name, 0): d.dims[0]
        for name, d in inputs.items()
        if d.dims and (name, 0) not in found and (name, 1) not in found and not isinstance(d.dims[0], int)
    }
    known = {inputs[name].dims[i] for (name, i), role in found.items() if role == "batch"}  # type: ignore[index]
    symbols = {term for term in leading.values() if isinstance(term, str)}
    batches = {s for s in symbols if not _NOT_BATCH.search(s)}
    if known - {None} and batches - known:
        batches &= known
    return {
        slot: "batch"
        for slot, term in leading.items()
        if (term in batches and len(batches) == 1) or (term is None and len(batches) <= 1 and not symbols - batches)
    }
