"""Error bands of unit files: how far off nine in ten measured points are, fitted and held out.

Usage: python -m benchmarks.fit_bands MEASURED [TARGET...] writes `error_band:` into targets/units. A band is the larger
one of the two sides of the split: constants are fitted on one side, and what they are worth shows on the other. The
last line is the band of a device that was never measured, from the targets below benchmarks/left_out.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import measured
from benchmarks.errors import Scored, scored
from benchmarks.fidelity import left_out
from benchmarks.rooflines import Array
from benchmarks.unit_files import flow, replace_line, replace_source
from mapper.cost.pricing import Pricer, main_units
from mapper.hw.target import Target
from mapper.hw.work import DType

KINDS = {
    "linear": "matmul", "gemm": "matmul", "bmm": "matmul", "prefill": "attention", "decode": "decode", "norm": "norm",
    "softmax": "softmax", "elementwise": "elementwise", "embedding": "embedding",
}  # fmt: skip
"""The first word of a line's op, and the entry of `error_band` that it belongs to; collectives have their own."""

WITHIN = 0.9
"""The part of the points that a band holds."""

FEW = 20
"""Points below which a kind gets no band of its own."""


@dataclass(frozen=True, slots=True)
class Factors:
    """How many times too long or too short prices are, at least 1, on the two sides of the split."""

    fitted: Array
    held_out: Array

    @property
    def band(self) -> float:
        """The band that holds nine in ten points of each side."""
        return max(float(np.quantile(side, WITHIN)) for side in (self.fitted, self.held_out) if len(side)) - 1

    @property
    def points(self) -> int:
        """How many there are."""
        return len(self.fitted) + len(self.held_out)


def kind_of(line: Scored) -> str | None:
    """The entry of `error_band` for a line; None for what stands apart: collectives, weights that are unpacked on the
    way, and decodes of one cache by many, which no plan has."""
    op = line.line.op
    return None if "_wo" in op or "one cache" in op else KINDS.get(op.split()[0])


def factors(lines: Sequence[Scored]) -> Factors:
    """Those of some lines together."""
    sides: tuple[list[Array], list[Array]] = ([], [])
    for line in lines:
        ratio = line.times["ours"] / line.seconds
        worse = np.maximum(ratio, 1 / ratio)
        sides[0].append(worse[~line.held_out])
        sides[1].append(worse[line.held_out])
    return Factors(*(np.concatenate(side) for side in sides))


def by_unit(lines: Sequence[Scored], pricer: Pricer) -> Iterator[tuple[str, dict[str, list[Scored]]]]:
    """Priced lines by unit file and kind of work."""
    units: defaultdict[str, defaultdict[str, list[Scored]]] = defaultdict(lambda: defaultdict(list))
    for line in lines:
        kind = kind_of(line)
        target = pricer.target(line.target)
        if kind is not None and not line.why and isinstance(target, Target):
            units[main_units(target, DType(line.line.op.split()[1]))[0].kind][kind].append(line)
    yield from sorted((unit, dict(kinds)) for unit, kinds in units.items())


def main() -> None:
    """Writes and prints the bands."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("measured", type=Path)
    parser.add_argument("targets", nargs="*", help="only these")
    parser.add_argument("--dry-run", action="store_true", help="print only")
    options = parser.parse_args()
    points = [
        p for p in measured.points(options.measured) if not options.targets or p.columns["target"] in options.targets
    ]
    pricer = Pricer()
    unknown = _never_measured(scored(left_out(points), pricer))
    for unit, kinds in by_unit(scored(points, pricer), pricer):
        found = {kind: factors(lines) for kind, lines in sorted(kinds.items())}
        bands = {kind: f.band for kind, f in found.items() if f.points >= FEW}
        print(f"{unit}: {flow(bands)}", flush=True)
        if not options.dry_run and bands:
            counts = ", ".join(f"{kind} {found[kind].points}" for kind in bands)
            source = f"measured: benchmarks/fit_bands.py: nine in ten points; {counts}"
            replace_line(unit, "error_band", flow({**bands, "assumed": unknown}), source)
            replace_source(
                unit, "error_band.assumed", "derived: benchmarks/fit_bands.py, of devices left out of the fit"
            )
    print(f"a device never measured: {unknown:.2f}")


def _never_measured(lines: Sequence[Scored]) -> float:
    """The band of devices by constants of the others: nine in ten points, each device of equal weight."""
    devices: defaultdict[str, list[Scored]] = defaultdict(list)
    for line in lines:
        if not line.why and kind_of(line):
            devices[line.line.device].append(line)
    bands = [factors(group).band for group in devices.values()]
    return float(np.mean(bands)) if bands else 0.0


if __name__ == "__main__":
    main()
