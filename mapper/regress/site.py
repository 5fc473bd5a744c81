"""The site of a suite: what the last night says, every case night by night, and what moved, as one page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mapper.regress.cases import Case
from mapper.regress.compared import Compared
from mapper.regress.compared_page import verdict_sections
from mapper.regress.site_data import packed, site_data
from mapper.regress.suite import Tolerance
from mapper.regress.trends import Trends
from mapper.report.page.shell import Section, page

MODEL = ("metrics", "trends")
"""What spells metrics, and what unpacks the nights for all sections."""


def site(
    known: Trends, found: Compared, some: Sequence[Case], tolerances: Mapping[str, Tolerance] | None = None
) -> str:
    """The page as HTML; equal histories give equal bytes. found: the last night against what was accepted."""
    data = site_data(known, found, some, tolerances or {})
    sections = [
        *verdict_sections(found, "the last night against what was accepted", packed=packed(data)),
        Section("movers", "Worst movers", {}, script="regress-movers", needs=MODEL),
        Section("cases", "All cases", {}, script="regress-cases", needs=MODEL),
        Section("case", "", {}, script="regress-case", needs=MODEL),
    ]
    cases, nights = len(some), len(known.nights)
    first, last = (known.nights[0].begun[:10], known.nights[-1].begun[:10]) if nights else ("", "")
    when = first if first == last else f"{first} to {last}"
    words = f"{cases} case{'s' * (cases != 1)} · {nights} night{'s' * (nights != 1)}, {when}"
    return page(f"{found.suite}: mappings night by night", sections, words)
