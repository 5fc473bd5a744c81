"""Which measured GPUs tell most about one that was never measured: those of its generation and of its time."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

SAME_GENERATION = 6.0
"""Weight of a device of the same generation against one of another that came out at the same time."""

YEARS = 2.0
"""Years between two devices after which one weighs 1/e of what it would."""


@dataclass(frozen=True, slots=True)
class Birth:
    """When a GPU came out, and with which architecture."""

    generation: str
    year: float


BIRTHS = {
    "titan-x-maxwell": Birth("maxwell", 2015.2),
    "m40": Birth("maxwell", 2015.9),
    "p100": Birth("pascal", 2016.4),
    "titan-x-pascal": Birth("pascal", 2016.6),
    "p4": Birth("pascal", 2016.7),
    "gtx-1080-ti": Birth("pascal", 2017.2),
    "mi25": Birth("vega", 2017.5),
    "v100": Birth("volta", 2017.5),
    "t4": Birth("turing", 2018.7),
    "a100-pcie-40": Birth("ampere", 2020.4),
    "a100-80": Birth("ampere", 2020.9),
    "rtx-3090": Birth("ampere", 2020.7),
    "mi100": Birth("cdna", 2020.9),
    "a40": Birth("ampere", 2020.8),
    "a6000": Birth("ampere", 2020.8),
    "tiangai-100": Birth("corex", 2021.3),
    "mi210": Birth("cdna", 2022.2),
    "h100-sxm": Birth("hopper", 2022.7),
    "rtx-4090": Birth("ada", 2022.8),
    "zhikai-100": Birth("corex", 2022.9),
    "l4": Birth("ada", 2023.2),
    "l40s": Birth("ada", 2023.6),
    "mi300x": Birth("cdna", 2023.9),
    "h200": Birth("hopper", 2024.5),
    "b200": Birth("blackwell", 2024.9),
    "rtx-pro-6000": Birth("blackwell", 2025.2),
}
"""Release dates (recalled)."""

TWINS = {"a100-80": "a100-pcie-40", "a100-pcie-40": "a100-80", "h200": "h100-sxm"}
"""Devices with the same chip: what one was never measured in, it takes from the other."""


def kinship(device: str, other: str) -> float:
    """The weight of the measurements of `other` in a fit for `device`."""
    a, b = BIRTHS[device], BIRTHS[other]
    kin = SAME_GENERATION if a.generation == b.generation else 1.0
    return kin * math.exp(-abs(a.year - b.year) / YEARS)


MAKERS = {"vega": "AMD", "cdna": "AMD", "corex": "Iluvatar"}
"""Who made a generation; NVIDIA the others."""


def maker(device: str) -> str:
    """Who made a device."""
    return MAKERS.get(BIRTHS[device].generation, "NVIDIA")


def mark_of(device: str, measured: Iterable[str]) -> str:
    """How well constants of a device are known that were fitted on measurements of these, each by its kinship: where
    chips of other makers weigh more than its maker's own, they say nothing certain of it."""
    known = set(measured)
    if device in known:
        return "measured"
    own = sum(kinship(device, other) for other in known if maker(other) == maker(device))
    return "derived" if 2 * own > sum(kinship(device, other) for other in known) else "assumed"
