"""The words for what a dim is (batch, seq, past, ...), and which input dim has which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mapper.frontend.facts import Declared, DimTerm

ROLES = ("batch", "seq", "past", "total", "enc_seq", "capacity")
"""Requests side by side; new tokens of a call; tokens in the caches before it; past + seq; tokens of the encoder;
tokens that a cache written in place has room for."""

Slot = tuple[str, int]
"""One dim of one input: its name and the dim's index."""


@dataclass(slots=True)
class Roles:
    """Roles by input dim. weak: dims that only seem to have theirs; sizes given for them otherwise hold."""

    inputs: Mapping[str, Declared]
    of: dict[Slot, str] = field(default_factory=dict)
    weak: set[Slot] = field(default_factory=set)
    by_term: dict[str, str] = field(default_factory=dict)

    def give(self, name: str, index: int, role: str, *, weak: bool = False) -> None:
        """Notes a role; dims of one name keep the first that one of them got."""
        slot = (name, index)
        term = (self.inputs[name].dims or ())[index]
        if slot in self.of:
            return
        if isinstance(term, str):
            role = self.by_term.setdefault(term, role)
        self.of[slot] = role
        if weak:
            self.weak.add(slot)

    def term_of(self, role: str) -> DimTerm:
        """What the file writes at the first dim of this role."""
        return next(((self.inputs[n].dims or ())[i] for (n, i), r in self.of.items() if r == role), None)

    def has(self, role: str) -> bool:
        """Whether a dim has this role."""
        return role in self.of.values()
