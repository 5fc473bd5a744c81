"""Figures of the packages that the study's words rest on, from their files."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

from benchmarks.superhet_cases import CARD, SERVER
from benchmarks.superhet_rivals import BOARD_LINK, DIE_ARRAYS, Package, part_file
from mapper.report.units import si


def facts(study: Mapping[str, Any]) -> dict[str, str]:
    """The figures by the names that the template has for them."""
    cim, draw = CARD.part("cim"), CARD.draw_of(CARD.names("cim"), [])
    return {
        "buffer": si(float(cim["buffer"]["capacity_bytes"]), "B"),
        "cim_full": f"{draw.at(1.0):.0f} W",
        "rows": str(cim["rows"]),
        "cell_bits": str(cim["cell_bits"]),
        "sum_bits": str((cim["rows"] * (2 ** cim["cell_bits"] - 1)).bit_length()),
        "adc_bits": str(cim["adc_bits"]),
        "write": si(float(cim["write"]["latency_s"]), "s"),
        "between_bricks": si(float(SERVER.document["links"]["d2d"]["bandwidth_bytes_per_s"]), "B/s"),
        "between_packages": si(float(part_file(CARD.name, BOARD_LINK)["bandwidth_bytes_per_s"]), "B/s"),
        "card_arrays": si(_array_bytes(CARD), "B"),
        "server_arrays": si(_array_bytes(SERVER) * SERVER.count, "B"),
        **_limits(),
        **_in_dies(study),
    }


def _limits() -> dict[str, str]:
    """The limits of power of the packages that are described."""
    names = ("superhet-edge", "superhet", "superhet-card-cxl", "superhet-server", "superhet-server-cxl")
    return {f"watts_{name.replace('-', '_')}": f"{Package(name).limit_w:.0f}" for name in names}


def _in_dies(study: Mapping[str, Any]) -> dict[str, str]:
    """What the arrays would take that hold all of the largest model."""
    largest = max(study["cases"], key=lambda case: int(case["parameters"]))
    dies = ceil(largest["parameters"] / (_array_bytes(CARD) / _dies(CARD)))
    draw = CARD.draw_of(CARD.names("cim"), [])
    return {
        "largest": largest["model"],
        "largest_bytes": si(largest["parameters"], "B"),
        "dies": f"{dies:,}",
        "dies_mm2": f"{dies * CARD.area_of('cim') / _dies(CARD):,.0f} mm2",
        "dies_idle": si(dies * draw.idle_w / _dies(CARD), "W"),
    }


def _dies(package: Package) -> float:
    """CIM dies of a package, whatever units they form."""
    given = package.document["units"]["cim"]
    return float(given.get("count", 1) * given.get("arrays", DIE_ARRAYS) / DIE_ARRAYS)


def _array_bytes(package: Package) -> int:
    """What the arrays of a package hold."""
    return sum(package.target.memory[f"{name}.arrays"].capacity_bytes for name in package.names("cim"))
