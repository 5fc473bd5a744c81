"""The tornado table as a page with a chart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mapper.report.page.shell import Section, page


def whatif_page(data: Mapping[str, Any]) -> str:
    """One HTML file from the data of a tornado table."""
    lead = (
        f"Each figure of the target divided and multiplied by {data['factor']:g}: the change of the {data['objective']}"
    )
    chart = Section("tornado", "What each figure is worth", dict(data), f"{lead}, better to the right.")
    return page(f"{data['model']} on {data['target']}: what if", [chart], "mapper whatif")
