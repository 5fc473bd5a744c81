"""The rules for a chip or system: it loads, its powers add up, its links carry what was measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from mapper.hw.complaint import Complaint, published_complaints
from mapper.hw.derived import whole
from mapper.hw.marks import Document
from mapper.hw.provenance import Sheet
from mapper.hw.schema import TargetFile
from mapper.hw.target import Target
from mapper.hw.unit_checks import class_complaints, single

LINK_SLACK = 1.05
"""How far a measured collective may be above what the links carry: timers and sizes are round."""

_SENT: Mapping[str, Callable[[int], float]] = {
    "all_reduce": lambda n: 2 * (n - 1) / n,
    "all_gather": lambda n: (n - 1) / n,
    "reduce_scatter": lambda n: (n - 1) / n,
    "all_to_all": lambda n: (n - 1) / n,
}
"""Bytes that each of n units sends at least, by byte of the whole tensor (Chan et al., Concurrency and Computation
2007, table 2)."""


def target_complaints(
    target: Target, document: Document, header: TargetFile, found: Sequence[Sheet]
) -> Iterator[Complaint]:
    """A target that loads: its units written out have classes, its powers and links add up."""
    path = document.root.path
    for sheet in found:
        if sheet.section == "units" and sheet.file == path:
            place = str(document.key_mark("units", sheet.part))
            yield from class_complaints(place, sheet.part, sheet.class_, sheet.model)
    yield from _limits(target, document, header, found)
    yield from _doubled(target, document)
    yield from _collectives(target, document, header)
    if header.published:
        yield from published_complaints(document, header.published, whole(target, found))


def _limits(target: Target, document: Document, header: TargetFile, found: Sequence[Sheet]) -> Iterator[Complaint]:
    """The power limit leaves room for what is idle, and for the limits of the chips inside."""
    if target.power_limit_w is None:
        return
    mark = str(document.value_mark("power", "limit_w"))
    if target.idle_power_w > target.power_limit_w:
        yield Complaint(
            mark, "power", f"{target.idle_power_w:.4g} W idle are above the limit of {target.power_limit_w:g} W"
        )
    inside = sum(
        sheet.count * single(figure)
        for sheet in found
        if sheet.section == "chips" and "." not in sheet.part
        for figure in sheet.figures
        if figure.key == "power.limit_w"
    )
    if inside > target.power_limit_w:
        yield Complaint(
            mark, "power", f"the chips inside may take {inside:.4g} W together, above {target.power_limit_w:g} W"
        )


def _doubled(target: Target, document: Document) -> Iterator[Complaint]:
    """Two links of one kind between the same two places are one counted twice."""
    pairs = Counter((link.kind, *sorted((link.a, link.b))) for link in target.links)
    for (kind, a, b), times in pairs.items():
        if times > 1:
            place = str(document.key_mark("links"))
            yield Complaint(place, "link", f"{times} links {kind} join '{a}' and '{b}'; give one of them the bandwidth")


def _collectives(target: Target, document: Document, header: TargetFile) -> Iterator[Complaint]:
    """Measured collectives carry no more than the links of a unit do."""
    if header.collectives is None or header.collectives.reduces_in_switch or not target.collectives:
        return
    among = target.collectives.among[0]
    rates = [link.bandwidth_bytes_per_s for link in target.links if among in (link.a, link.b)]
    for i, curve in enumerate(header.collectives.curves):
        if curve.kind not in _SENT:
            continue
        carried = _SENT[curve.kind](curve.ranks) * curve.bytes[-1] / curve.seconds[-1]
        if rates and carried > LINK_SLACK * sum(rates):
            yield Complaint(
                str(document.value_mark("collectives", "curves", i)), "link",
                f"{curve.kind} among {curve.ranks} carries {carried / 1e9:.4g} GB/s a unit at its largest size, "
                f"and its links {sum(rates) / 1e9:.4g} GB/s",
            )  # fmt: skip
