"""Roles of input dims (batch, seq, past, ...), found from names, types, ranks and how caches are updated."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import onnx

from mapper.frontend.dims.role_guesses import batch_by_name, batch_elsewhere, lengths_by_name, same_terms
from mapper.frontend.dims.role_table import Roles
from mapper.frontend.facts import Declared, DimTerm, Node
from mapper.frontend.states.flow import Update, Way
from mapper.frontend.states.state import is_cache, is_cross, updates

_TOKENS = re.compile(
    r"input_ids?$|token_type_ids?$|segment_ids?$|inputs_embeds$|^tokens?$|^ids$|decoder_input|prev_output_tokens|^tgt$|"
    r"^targets?$|^prefix$|^src$|^x_ids$|token_ids$|^(src|tgt|source|target)_(ids|tokens)$",
    re.IGNORECASE,
)
_POSITIONS = re.compile(r"position_ids?$|cache_position$|^positions?$|^input_pos$", re.IGNORECASE)
_MASK = re.compile(r"attention_mask$|attn_mask$|input_mask$|padding_mask$|causal_mask$|^mask$", re.IGNORECASE)
_DECODED = re.compile(r"decoder|^tgt|^target|prev_output", re.IGNORECASE)
_ENCODED = re.compile(r"encoder|^enc_|^memory|^src(_|$)|^source_|cross_states|audio_(features|embeds)", re.IGNORECASE)
_PICTURES = re.compile(
    r"pixel|^image|^img|input_features|input_values|^latent|^sample$|spectrogram|^mel", re.IGNORECASE
)
_LASTING = re.compile(r"conv|ssm|recurrent|state|rnn|lstm|gru|shift|wkv", re.IGNORECASE)
_KEYS_VALUES = re.compile(r"key|value|kv|(^|[._/])past", re.IGNORECASE)
_INTEGERS = frozenset({onnx.TensorProto.INT64, onnx.TensorProto.INT32})

Dims = tuple[DimTerm, ...]


def find_roles(
    inputs: Mapping[str, Declared], nodes: Sequence[Node] = (), outputs: Mapping[str, Declared] | None = None
) -> Roles:
    """Roles by input dim; a dim without one is bound by its own name. `nodes` say how caches are updated."""
    roles = Roles(inputs)
    ways = updates(inputs, outputs or {}, nodes)
    main = _main(inputs)
    shaped = {name: d.dims for name, d in inputs.items() if d.dims}
    steps: tuple[Callable[[Roles, str, Dims], None], ...] = (
        lambda r, n, d: _cache(r, n, d, ways.get(n)),
        lambda r, n, d: _tokens(r, n, d, main),
        lambda r, n, d: _encoded(r, n, d, main),
        _mask,
        _positions,
        _picture,
    )
    for step in steps:
        for name, dims in shaped.items():
            step(roles, name, dims)
    batch_by_name(roles)
    batch_elsewhere(roles)
    lengths_by_name(roles)
    same_terms(roles)
    return roles


def _main(inputs: Mapping[str, Declared]) -> str:
    """The input with the tokens of a call: a decoder's own where there are several."""
    tokens = [n for n, d in inputs.items() if _is_tokens(n, d)]
    own = [n for n in tokens if _DECODED.search(n) or not _ENCODED.search(n)]
    decoder = [n for n in own if _DECODED.search(n)]
    if decoder or own or tokens:
        return (decoder or own or tokens)[0]
    whole = [n for n, d in inputs.items() if d.dims and len(d.dims) == 2 and d.elem in _INTEGERS]
    plain = [n for n in whole if not _MASK.search(n) and not _POSITIONS.search(n) and _open(inputs[n].dims, 1)]
    hidden = [n for n, d in inputs.items() if re.search(r"hidden_states$", n) and d.dims and len(d.dims) == 3]
    return next(iter((*plain, *hidden)), "")


def _is_tokens(name: str, declared: Declared) -> bool:
    rank = len(declared.dims or ())
    return _TOKENS.search(name) is not None and (rank == 3 or (rank == 2 and declared.elem in _INTEGERS))


def _open(dims: Dims | None, index: int) -> bool:
    return bool(dims) and not isinstance((dims or ())[index], int)


def _cache(roles: Roles, name: str, dims: Dims, way: Way | None) -> None:
    """A cache [batch, heads, past, width], its transposes, or keys and values in one [2, batch, ...]."""
    rank = len(dims)
    update = Update.NONE if way is None else way.update
    if update is Update.RECURRENT and rank == 3:
        roles.give(name, 1, "batch")
        return
    named = is_cache(name, rank)
    if not named and (update not in (Update.GROWN, Update.ATTENTION, Update.IN_PLACE) or rank < 3):
        return
    batch = 1 if rank == 5 and dims[0] == 2 else 0
    if isinstance(dims[batch], int) and dims[batch] != 1 and _open(dims, batch + 1):
        batch += 1
    length = _length(dims, batch, way)
    if update is Update.GROWN or update is Update.ATTENTION:
        role = "past"
    elif update is Update.IN_PLACE:
        role = "capacity"
    elif update is not Update.NONE or _LASTING.search(name) or (rank == 3 and not _open(dims, length)):
        role = ""
    else:
        role = "enc_seq" if is_cross(name) else "past" if _KEYS_VALUES.search(name) or rank >= 4 else ""
    roles.give(name, batch, "batch", weak=not role)
    if role and length != batch:
        roles.give(name, length, role)


def _length(dims: Dims, batch: int, way: Way | None) -> int:
    """The dim along which a cache grows: as its update says, else the last but one, else the only open one."""
    rank = len(dims)
    if way is not None and way.axis is not None and -rank <= way.axis < rank:
        return way.axis % rank
    unknown = [i for i in range(batch + 1, rank) if _open(dims, i)]
    return rank - 2 if rank - 2 in unknown or not unknown else unknown[0]


def _tokens(roles: Roles, name: str, dims: Dims, main: str) -> None:
    declared = roles.inputs[name]
    if name != main and not _is_tokens(name, declared):
        return
    if name == main or bool(_DECODED.search(main)) == bool(_DECODED.search(name)):
        if not _ENCODED.search(name) or name == main:
            roles.give(name, 0, "batch")
            roles.give(name, 1, "seq")
    else:
        roles.give(name, 0, "batch")
        roles.give(name, 1, "enc_seq")


def _encoded(roles: Roles, name: str, dims: Dims, main: str) -> None:
    """What an encoder left: its states [batch, enc_seq, width] and mask."""
    if not main or name == main or is_cache(name, len(dims)) or not 2 <= len(dims) <= 3:
        return
    seq2seq = (
        _DECODED.search(main) and _MASK.search(name) and not _DECODED.search(name) and _shares(roles, dims, "enc_seq")
    )
    if _ENCODED.search(name) or seq2seq:
        roles.give(name, 0, "batch")
        roles.give(name, 1, "enc_seq")


def _shares(roles: Roles, dims: Dims, role: str) -> bool:
    """Whether one of the dims is called as those of the role are."""
    return any(isinstance(d, str) and roles.by_term.get(d) == role for d in dims)


def _mask(roles: Roles, name: str, dims: Dims) -> None:
    """A mask [batch, keys] or [batch, 1, queries, keys]; sizes of 1 may be spread and say nothing."""
    if not _MASK.search(name) or re.search("pixel|image", name, re.IGNORECASE):
        return
    keys = "total" if roles.has("past") else "capacity" if roles.has("capacity") else "seq"
    seq, rank = roles.term_of("seq"), len(dims)
    if keys != "seq" and rank == 2 and seq is not None and dims[1] == seq:
        keys = "seq"  # a mask of the new tokens alone
    wanted = {2: {0: "batch", 1: keys}, 3: {0: "batch", 1: "seq", 2: keys}, 4: {0: "batch", 2: "seq", 3: keys}}
    for index, role in wanted.get(rank, {}).items():
        if dims[index] != 1 or role == keys:
            roles.give(name, index, role)


def _positions(roles: Roles, name: str, dims: Dims) -> None:
    if _POSITIONS.search(name):
        rank = len(dims)
        if dims[-1] != 1 or roles.term_of("seq") in (1, None):
            roles.give(name, rank - 1, "seq")
        if rank >= 2 and dims[-2] != 1:
            roles.give(name, rank - 2, "batch", weak=True)


def _picture(roles: Roles, name: str, dims: Dims) -> None:
    if len(dims) >= 3 and (_PICTURES.search(name) or (len(dims) == 4 and isinstance(dims[1], int) and dims[1] <= 4)):
        roles.give(name, 0, "batch", weak=True)
