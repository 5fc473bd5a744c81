"""Roles that dims only seem to have: batches of other inputs, lengths known by their name, dims of one name."""

from __future__ import annotations

import re

from mapper.frontend.dims.role_table import Roles, Slot
from mapper.frontend.facts import DimTerm

_NOT_BATCH = re.compile(r"seq|len|time|step|frame|token|height|width|past|chan|samples", re.IGNORECASE)
_LENGTH = re.compile(r"seq(uence)?([_-]?len(gth)?)?|num_tokens|n_tokens", re.IGNORECASE)
_BATCH = re.compile(r"batch([_-]?size)?|bs|bsz", re.IGNORECASE)
_RECURRENT = re.compile(r"^(h|c|hx|cx|h0|c0|h_0|c_0|state|states|hidden|cell)", re.IGNORECASE)


def batch_elsewhere(roles: Roles) -> None:
    """Batch for the leading dims of other inputs, unless open ones have different names or their name says length.

    A recurrent state [layers, batch, width] has it second. Of the fixed ones only a 1 can be a batch.
    """
    taken = {name for name, _ in roles.of}
    leading: dict[Slot, DimTerm] = {}
    for name, declared in roles.inputs.items():
        dims = declared.dims
        if not dims or name in taken:
            continue
        second = (
            len(dims) == 3 and isinstance(dims[0], int) and not isinstance(dims[1], int) and _RECURRENT.search(name)
        )
        leading[name, 1 if second else 0] = dims[1] if second else dims[0]
    known = {(roles.inputs[n].dims or ())[i] for (n, i), role in roles.of.items() if role == "batch"}
    symbols = {term for term in leading.values() if isinstance(term, str)}
    batches = {s for s in symbols if not _NOT_BATCH.search(s) and roles.by_term.get(s, "batch") == "batch"}
    if known & batches:
        batches &= known
    named = {s for s in batches if re.search(r"batch|^b$|^n$|^bs", s, re.IGNORECASE)}
    if len(batches) > 1 and len(named) == 1:
        batches = named
    for (name, index), term in leading.items():
        declared = roles.inputs[name]
        fits = term in batches and len(batches) == 1
        fits |= term is None and len(batches) <= 1 and not symbols - batches
        fits |= term == 1 and len(declared.dims or ()) >= 2
        if fits:
            roles.give(name, index, "batch", weak=True)


def lengths_by_name(roles: Roles) -> None:
    """`seq` for the one dim name that says sequence length, in a graph without token inputs."""
    if roles.has("seq"):
        return
    slots = {
        (name, i): term
        for name, d in roles.inputs.items()
        for i, term in enumerate(d.dims or ())
        if isinstance(term, str) and (name, i) not in roles.of and _LENGTH.fullmatch(term)
    }
    if len(set(slots.values())) == 1:
        for name, index in slots:
            roles.give(name, index, "seq", weak=True)


def batch_by_name(roles: Roles) -> None:
    """`batch` for dims called so, wherever they are."""
    for name, declared in roles.inputs.items():
        for index, term in enumerate(declared.dims or ()):
            if isinstance(term, str) and _BATCH.fullmatch(term):
                roles.give(name, index, "batch", weak=True)


def same_terms(roles: Roles) -> None:
    """Dims called as one with a role have it too."""
    for name, declared in roles.inputs.items():
        for index, term in enumerate(declared.dims or ()):
            if isinstance(term, str) and term in roles.by_term:
                roles.give(name, index, roles.by_term[term])
