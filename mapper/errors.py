"""The errors a user can meet: each says where, what, the numbers and the next step."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence


def plain(text: str, keep: str = "") -> str:
    """A text whose characters steer no terminal: what cannot be printed, all but those to keep, is spelled as in
    Python (an escape is `\\x1b`). Names in model files are data: they may hold anything."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text)


class MapperError(Exception):
    """A problem the user can act on; the command prints it and exits with `exit_code`."""

    exit_code = 1

    def __init__(self, message: str, *, details: Sequence[str] = (), hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.details = tuple(details)
        self.hint = hint

    def __str__(self) -> str:
        lines = [plain(self.message), *(f"  {plain(line)}" for line in self.details)]
        if self.hint:
            lines.append(f"  next: {plain(self.hint)}")
        return "\n".join(lines)


class ModelError(MapperError):
    """The ONNX file cannot be read or understood."""


class MissingDims(ModelError):
    """Dims of inputs without a size in a phase. example: sizes that would do, by the name that `--dim` takes."""

    def __init__(self, phase: str, example: Mapping[str, int], *, details: Sequence[str] = ()) -> None:
        settings = [f"{name}={size}" for name, size in example.items()]
        flags = " ".join(f"--dim {shlex.quote(setting)}" for setting in settings)
        has = "these dims have" if len(example) > 1 else "a dim has"
        super().__init__(
            f"phase '{phase}': {has} no size: {', '.join(example)}",
            details=details,
            hint=f'add {flags}, or --phase "{phase}: ... {" ".join(settings)}"',
        )
        self.phase = phase
        self.example = dict(example)


class UnresolvedShapes(ModelError):
    """Sizes that do not follow from what is given; `values` has a line for each value that stays without a shape."""

    def __init__(self, values: Sequence[str], *, hint: str = "") -> None:
        many = "s" if len(values) > 1 else ""
        shown = [*values[:10], *([f"... and {len(values) - 10} more"] if len(values) > 10 else [])]
        super().__init__(f"the shape{many} of {len(values)} value{many} cannot be found", details=shown, hint=hint)
        self.values = tuple(values)


class TargetError(MapperError):
    """A target or one of its parts is wrong; the message starts with file:line:col where known."""


class PipelineError(MapperError):
    """A pipeline text, a pass or one of its options is wrong."""


class InvalidPlan(MapperError):
    """A plan breaks a rule of the verifier; `rule` is the rule's name."""

    def __init__(self, message: str, *, rule: str = "", details: Sequence[str] = (), hint: str = "") -> None:
        super().__init__(message, details=details, hint=hint)
        self.rule = rule


class UsageError(MapperError):
    """The command line contradicts itself."""

    exit_code = 2


class Infeasible(MapperError):
    """No plan exists: the demand, what is offered, and the levers that would make it fit."""

    exit_code = 3


class Unsupported(Infeasible):
    """No plan exists, since no unit of the target can run an op: of room there may be plenty."""


FEW_NAMES = 12
"""So many names are read sooner than guessed at."""

MOST_NAMES = 40
"""Names that a message lists at most."""


def _related(word: str, names: Sequence[str]) -> list[str]:
    """Of more than a few names those that share a part with the word ('task' of 'task_overhead_s'), if they are few."""

    def parts(name: str) -> set[str]:
        return {p for p in re.split(r"[^a-z0-9]+", name.lower()) if len(p) > 2}

    found = [name for name in names if parts(name) & parts(word)] if len(names) > FEW_NAMES else []
    return found if len(found) <= 3 else []


def did_you_mean(word: str, known: Iterable[str], *, otherwise: str = "there are") -> str:
    """A clause naming the nearest known words, or all of them (the first of very many) when none is near."""
    names = sorted(set(known))
    near = difflib.get_close_matches(word, names, n=3, cutoff=0.6) or _related(word, names)
    if near:
        return "did you mean " + " or ".join(f"'{n}'" for n in near) + "?"
    if len(names) > MOST_NAMES:
        return f"{otherwise}: {', '.join(names[:MOST_NAMES])} and {len(names) - MOST_NAMES} more"
    return f"{otherwise}: {', '.join(names) if names else 'none'}"
