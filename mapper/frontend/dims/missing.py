"""Which sizes to ask for when dims are open: few, by role where possible, with examples that agree with each other."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mapper.errors import ModelError
from mapper.frontend.dims.role_table import Slot
from mapper.frontend.dims.solver import Quantity, Size, Solver

_ORDER = ("batch", "seq", "past", "enc_seq", "capacity", "", "total")
_EXAMPLES = {"batch": 1, "past": 512, "capacity": 1024}
_LIKELY = 128
_PICTURE = 224
_SOUND = 16000
_NEW_TOKENS = 1
_SOUNDS = re.compile(r"input_values|wav|audio|speech|signal|pcm", re.IGNORECASE)
_ONE = re.compile(r"batch|num_|layers", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Asked:
    """A dim to ask for: by which name, where it is, its role, how many dims that input has. size: one that would do."""

    name: str
    quantity: Quantity
    slot: Slot
    role: str
    rank: int
    size: int = 0


def suggest(solver: Solver, open_dims: Sequence[Asked], *, cached: bool) -> list[Asked]:
    """The fewest of these dims from which the others follow, taken in order, with sizes that agree."""
    trial = copy.copy(solver)
    trial.sizes = dict(solver.sizes)
    chosen = []
    for dim in sorted(open_dims, key=_preference):
        place = ("place", f"{dim.slot[0]}.{dim.slot[1]}")
        if place in trial.sizes or dim.quantity in trial.sizes:
            continue
        size = _example(dim, cached)
        chosen.append(replace(dim, size=size))
        before = len(trial.sizes)
        trial.set(dim.quantity, Size(size, "given", dim.name))
        try:
            trial.spread([dim.quantity])
        except ModelError:  # sizes given so far leave no choice that is known here: ask without trying
            trial.forget(before + 1)
    return chosen


def _preference(dim: Asked) -> int:
    return _ORDER.index(dim.role)


def _example(dim: Asked, cached: bool) -> int:
    if dim.role == "seq" and cached:
        return _NEW_TOKENS
    if dim.role in _EXAMPLES:
        return _EXAMPLES[dim.role]
    if _ONE.search(dim.name):
        return 1
    if dim.rank <= 3 and _SOUNDS.search(dim.slot[0]):
        return _SOUND
    return _PICTURE if dim.rank == 4 and dim.slot[1] >= 2 else _LIKELY
