"""The rules for a unit file: its class, its rates, its error bands, its power, what its maker says of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil, floor, log2

from mapper.hw.assemble import unit_model
from mapper.hw.basis import Basis
from mapper.hw.complaint import Complaint, published_complaints
from mapper.hw.derived import of_model
from mapper.hw.header import HEADER
from mapper.hw.marks import Document, Mark
from mapper.hw.provenance import MODEL_CLASSES, Keys, Sourced
from mapper.hw.schema import UnitFile
from mapper.hw.work import UnitModel

POWER_OF_TWO = 0.02
"""How far a peak may be from cores x clock x a power of two."""


def unit_complaints(document: Document, header: UnitFile, figures: Mapping[Keys, Sourced]) -> Iterator[Complaint]:
    """A unit by itself: its class, its rates, its power, and what its maker says of it."""
    name, model = unit_model(document.without(*HEADER), header.name)
    yield from class_complaints(str(document.key_mark("model")), header.name, header.class_ or "", name)
    yield from _rates(figures)
    yield from _powers(document.value_mark("board_power_w"), model)
    yield from _bands(figures)
    if header.published:
        yield from published_complaints(document, header.published, of_model(model, header.area_mm2))


def class_complaints(place: str, name: str, said: str, model: str) -> Iterator[Complaint]:
    """Where nothing tells the class of a unit."""
    if not said and model not in MODEL_CLASSES:
        yield Complaint(place, "class", f"the unit '{name}' has no `class:`, and its model {model} does not tell it")


def _rates(figures: Mapping[Keys, Sourced]) -> Iterator[Complaint]:
    """A GPU's matrix peaks are SMs x clock x a power of two, at a clock within the range that the file gives."""
    sms, clock = figures.get(("sms",)), figures.get(("clock_hz",))
    if sms is None or clock is None:
        return
    low, high = clock.range or (single(clock), single(clock))
    for path, figure in figures.items():
        if path[0] != "matrix_ops_per_s" or len(path) != 2 or not figure.value:
            continue
        slowest, per_cycle, quickest = (single(figure) / single(sms) / hz for hz in (high, single(clock), low))
        if not _holds_power(slowest, quickest):
            yield Complaint(
                str(figure.place), "rate",
                f"'{figure.key}' {figure.value:.4g} op/s is {sms.value} SMs x {clock.value:.4g} Hz x {per_cycle:.1f}, "
                "no power of two within 2 %; correct one of them, or give the clock a range in `range_of`",
            )  # fmt: skip


def single(figure: Sourced) -> float:
    """The value of a figure that is no row of numbers."""
    assert not isinstance(figure.value, tuple)
    return float(figure.value)


def _holds_power(low: float, high: float) -> bool:
    """Whether there is a power of two between the two, or nearly."""
    return ceil(log2(low * (1 - POWER_OF_TWO))) <= floor(log2(high * (1 + POWER_OF_TWO)))


def _bands(figures: Mapping[Keys, Sourced]) -> Iterator[Complaint]:
    """The error of a kind of work counts as measured, so nobody may have assumed or recalled it."""
    kinds = [f for path, f in figures.items() if path[0] == "error_band" and len(path) == 2 and path[1] != "assumed"]
    for figure in kinds:
        if figure.basis in (Basis.RECALLED, Basis.ASSUMED):
            yield Complaint(
                str(figure.place), "band",
                f"'{figure.key}' counts as measured, and its text says {figure.basis}; say what it was measured on, or "
                "leave it to `assumed`",
            )  # fmt: skip


def _powers(mark: Mark, model: UnitModel) -> Iterator[Complaint]:
    """The board takes more than what it idles at."""
    board = getattr(model, "board_power_w", None)
    if board and model.idle_power_w >= board:
        yield Complaint(str(mark), "power", f"idle power {model.idle_power_w:g} W, and the board takes {board:g} W")
