"""Phase specifications as the user writes them: `decode: batch=1 seq=1 past=512..639 calls=128`.

Where there are several files, `decode@decode.onnx: ...` says which one the phase runs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from mapper.errors import UsageError

FORM = "NAME: DIM=SIZE DIM=LOW..HIGH calls=COUNT, e.g. 'decode: batch=1 seq=1 past=512..639 calls=128'"
_SETTING = re.compile(r"(?P<dim>[^\s=]+)=(?P<low>[0-9]{1,19})(?:\.\.(?P<high>[0-9]{1,19}))?")
_NAMED = re.compile(r"(?P<name>[^@:]*)@(?P<file>.+?):(?P<rest>[^:/]*)$")

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class PhaseSpec:
    """A named binding of dims as asked for: each dim runs over a range lo..hi, both ends included.

    calls: how often the phase runs per request; None means the length of its range, or once without a range. file: the
    model that it runs, as the user wrote it; empty where there is but one, or its name tells.
    """

    name: str
    dims: tuple[tuple[str, Range], ...] = ()
    calls: int | None = None
    file: str = ""

    @property
    def length(self) -> int:
        """How many sizes the ranges of this phase step through together; 1 without a range."""
        return max((high - low + 1 for _, (low, high) in self.dims), default=1)

    @property
    def calls_or_length(self) -> int:
        """The number of calls per request."""
        return self.length if self.calls is None else self.calls

    @property
    def given(self) -> tuple[tuple[str, str], ...]:
        """The dims in the user's own notation."""
        return tuple((dim, f"{low}..{high}" if high > low else str(low)) for dim, (low, high) in self.dims)

    def over(self, defaults: Mapping[str, int]) -> PhaseSpec:
        """This phase on top of defaults that hold for all phases."""
        merged: dict[str, Range] = {dim: (size, size) for dim, size in defaults.items()}
        merged.update(self.dims)
        return replace(self, dims=tuple(merged.items()))

    def samples(self) -> tuple[tuple[dict[str, int], ...], tuple[float, ...]]:
        """The bindings at which the phase is priced, and the share of the calls that each stands for.

        A range lo..hi is sampled at lo, mid and hi. As in Simpson's rule the middle weighs 2/3; the ends share the
        rest so that the weighted mean of the dim is exactly (lo + hi) / 2. Ranges of one phase step together.
        """
        widths = {high - low for _, (low, high) in self.dims if high > low}
        if not widths:
            return ({dim: low for dim, (low, _) in self.dims},), (1.0,)
        width = max(widths)
        steps, shares = _quadrature(width)
        return tuple(
            {dim: low + step if high > low else low for dim, (low, high) in self.dims} for step in steps
        ), shares


def _quadrature(width: int) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Offsets in 0..width and their shares; the mean of the offsets is width / 2."""
    if width == 1:
        return (0, 1), (0.5, 0.5)
    middle = width // 2
    last = (width / 2 - 2 / 3 * middle) / width
    return (0, middle, width), (1 / 3 - last, 2 / 3, last)


def parse_phase(text: str) -> PhaseSpec:
    """The specification in `text`, or a UsageError that shows the expected form."""
    named = _NAMED.match(text)
    name, colon, rest = (named["name"], ":", named["rest"]) if named else text.partition(":")
    name = name.strip()
    if not colon or not name or re.search(r"[\s=@]", name):
        raise UsageError(f"phase '{text}' does not start with a name and a colon", hint=f"write {FORM}")
    dims: dict[str, Range] = {}
    calls: int | None = None
    for word in rest.replace(",", " ").split():
        dim, low, high = _setting(name, word)
        if dim == "calls":
            if low != high or low < 1:
                raise UsageError(
                    f"phase '{name}': calls is '{word[6:]}', not a count of 1 or more", hint=f"write {FORM}"
                )
            calls = low
        elif dim in dims:
            raise UsageError(f"phase '{name}' gives '{dim}' twice", hint="keep one of them")
        else:
            dims[dim] = (low, high)
    _check_ranges(name, dims)
    return PhaseSpec(name, tuple(dims.items()), calls, named["file"].strip() if named else "")


def _setting(phase: str, word: str) -> tuple[str, int, int]:
    found = _SETTING.fullmatch(word)
    if not found:
        raise UsageError(f"phase '{phase}': cannot read '{word}'", hint=f"write {FORM}")
    low = int(found["low"])
    high = int(found["high"]) if found["high"] else low
    if high < low:
        raise UsageError(f"phase '{phase}': range {word} runs backwards ({low} > {high})", hint=f"write {FORM}")
    return found["dim"], low, high


def _check_ranges(phase: str, dims: Mapping[str, Range]) -> None:
    """Ranges of one phase step together, so they are equally long."""
    lengths = {dim: high - low + 1 for dim, (low, high) in dims.items() if high > low}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{dim} has {n}" for dim, n in lengths.items())
        raise UsageError(
            f"phase '{phase}': its ranges step together, so they need the same length ({listed})",
            hint="use ranges of one length, or two phases",
        )
