"""Which values outlive a call: KV caches and recurrent states, recognised by the naming of the exporters."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from mapper.ir.graph import Shape, State

_KV_INPUT = re.compile(r"(^|[._/])(past|cache|kv)|past_key|past_value|key_cache|value_cache|_cache(_|$)", re.IGNORECASE)
_PRESENT = re.compile(r"^(present|new_past)|^past_key_values[._]", re.IGNORECASE)
_CROSS = re.compile(r"encoder|cross", re.IGNORECASE)

_RENAMINGS: tuple[Callable[[str], str], ...] = (
    lambda n: n.replace("past_key_values", "present"),
    lambda n: n.replace("past_key_values", "present_key_values"),
    lambda n: n.replace("past", "present"),
    lambda n: n.replace("past", "new_past"),
    lambda n: n.replace("past", "present", 1),
    lambda n: re.sub(r"(^|[._])in($|[._])", r"\1out\2", n),
    lambda n: n.replace("input", "output"),
    lambda n: f"{n}_out",
    lambda n: f"{n}.out",
    lambda n: f"out_{n}",
    lambda n: f"new_{n}",
    lambda n: f"{n}_new",
    lambda n: f"next_{n}",
    lambda n: f"present_{n}",
    lambda n: f"updated_{n}",
    lambda n: f"{n}n",
    lambda n: f"{n}N",
    lambda n: f"{n}_n",
)
"""From the name of a past to that of its present: optimum, genai, torch, Olive, then recurrent states (h -> hn)."""

_RECURRENT = re.compile(
    r"^(h|c|hx|cx|h0|c0|h_0|c_0|hn|cn|state|hidden|cell)|state|hidden|cache|past|memory|mem", re.IGNORECASE
)


def is_cache(name: str, rank: int) -> bool:
    """Whether an input of this name and rank is a KV cache of the sequence so far."""
    return rank >= 3 and _KV_INPUT.search(name) is not None


def is_cross(name: str) -> bool:
    """Whether a cache holds keys or values of an encoder, which do not grow."""
    return _CROSS.search(name) is not None


def find_states(shapes: Mapping[str, Shape], inputs: Sequence[str], outputs: Sequence[str]) -> tuple[State, ...]:
    """The states of a graph: pairs of an input and an output, and presents that the graph only creates.

    A pair agrees in name, rank and shape, but for one dim along which the present may be longer than the past.
    """
    free = set(outputs) - set(inputs)
    states = []
    for past in inputs:
        present = _present_of(past, free, shapes)
        if present:
            free.discard(present)
            states.append(State(past, present))
    created = [o for o in outputs if o in free and _PRESENT.search(o) and len(shapes[o]) >= 3]
    return (*states, *(State("", name) for name in created))


def _present_of(past: str, outputs: set[str], shapes: Mapping[str, Shape]) -> str:
    if not _RECURRENT.search(past):
        return ""
    candidates = (rename(past) for rename in _RENAMINGS)
    return next((n for n in candidates if n in outputs and _grows(shapes[past], shapes[n])), "")


def _grows(past: Shape, present: Shape) -> bool:
    """Whether the present is the past, longer along at most one dim."""
    if len(past) != len(present):
        return False
    changed = [(a, b) for a, b in zip(past, present, strict=True) if a != b]
    return len(changed) <= 1 and all(a < b for a, b in changed)
