"""The page of the study: what was found, as Markdown, and what it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.superhet_cases import RANGES
from benchmarks.superhet_facts import facts
from benchmarks.superhet_lessons import flat_of, gap_of, lessons, limit_of, verdict
from benchmarks.superhet_rivals import AREA, FULL, POWER
from benchmarks.superhet_rows import (
    Row,
    at_most,
    cut_short,
    found,
    package_of,
    pair_of,
    ranges_asked,
    ratio,
    span,
    why_none,
    worth,
)
from benchmarks.superhet_words import table, times
from mapper.report.units import percent, si

TEMPLATE = Path(__file__).with_name("superhet.template.md")
"""The words that no figure changes: how it was asked, and where it may mislead."""


def page(study: Mapping[str, Any]) -> str:
    """The whole page."""
    cases = [c for c in study["cases"] if package_of(c)]
    text = TEMPLATE.read_text(encoding="utf-8").format(
        verdict=verdict(cases),
        summary=_summary(cases) + unanswered(study["cases"]),
        batches=_batches(cases),
        precision=study["precision"],
        loads=_loads(study["packages"]),
        areas=_areas(study["packages"]),
        machines=_machines(study["packages"]),
        cases="\n\n".join(map(_case, cases)),
        variants=_variants(cases),
        lessons=lessons(cases),
        **facts(study),
    )
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text


def _summary(cases: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for case in cases:
        cells = [f"[{case['name']}](#{case['name']})"]
        for equal in (POWER, FULL, AREA):
            pair = pair_of(case, equal)
            cells.append(_against(case, *pair) if pair else "-")
        own, pair = package_of(case), pair_of(case, POWER)
        assert own is not None
        cells.append(times(own["energy_j"] / pair[1]["energy_j"]) if pair else "-")
        rows.append([*cells, gap_of(own), limit_of(own)])
    head = ["case", "equal power", "full power", "equal area", "energy", "gap", "what limits the package"]
    return table(head, rows)


def _against(case: Row, own: Row, other: Row) -> str:
    """The ratio to a rival, where it may lie, and what no plan exceeds."""
    low, high = span(case, own, other)
    most = at_most(case, own, other)
    bound = "no bound" if most is None else f"at most {times(most)}"
    kind = other["target"].split("-")[0].upper()
    notes = [bound, *_cut(own, other), *([] if ranges_asked(own) else ["bands alone"])]
    return f"**{times(ratio(case, own, other))}** x {kind} ({times(low)} to {times(high)}; {', '.join(notes)})"


def _cut(own: Row, other: Row) -> list[str]:
    """Whose search was cut short."""
    return [f"{who} cut short" for who, row in (("package", own), ("rival", other)) if cut_short(row)]


def unanswered(cases: Sequence[Mapping[str, Any]]) -> str:
    """The cases and the machines that the page says nothing of, and why; the plans of searches that were cut short."""
    alone, others, cut = list[str](), list[str](), list[str]()
    for case in cases:
        if package_of(case) is None:
            own = next((r for r in case["rows"] if (r.get("machine") or {}).get("kind") == "superhet"), None)
            alone.append(f"{case['name']} (the package: {why_none(own) if own else 'not asked'})")
            continue
        others += [f"{r['target']} at {case['name']} ({why_none(r)})" for r in case["rows"] if not found(r)]
        cut += [f"{r['target']} at {case['name']}" for r in case["rows"] if found(r) and cut_short(r)]
    told = (
        ("No answer, and in none of the counts: ", alone),
        ("Machines without a plan, so that nothing says how good they are: ", others),
        ("Searches that were cut short, and might have found better plans: ", cut),
    )
    return "".join(f"\n\n{words}{'; '.join(some)}." for words, some in told if some)


def _batches(cases: Sequence[Mapping[str, Any]]) -> str:
    """Each model's best rate, whatever the batch: nobody has to take a batch that does not suit a machine."""
    rates: dict[str, dict[str, list[tuple[float, int, str]]]] = {}
    for case in (c for c in cases if c["objective"] == "throughput"):
        own, other = pair_of(case, POWER) or (None, None)
        for side, row in (("own", own), ("other", other)):
            if row:
                found = (float(row["throughput_per_s"]), int(case["batch"]), str(row["target"]))
                rates.setdefault(case["model"], {}).setdefault(side, []).append(found)
    rows = []
    for model, sides in rates.items():
        (mine, own_batch, _), (rate, batch, name) = max(sides["own"]), max(sides["other"])
        told = [f"{si(mine)} (batch {own_batch})", name, f"{si(rate)} (batch {batch})", f"**{times(mine / rate)}**"]
        rows.append([model, *told])
    head = ["best batch of each", "package, requests/s", "best of equal power", "requests/s", "times better"]
    return table(head, rows)


def _loads(packages: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{p['load']:.0%} ({p['name']})" for p in packages)


def _areas(packages: Sequence[Mapping[str, Any]]) -> str:
    """The parts of their package's area that rivals of equal area cover, the least and the most."""
    areas = [[m["area_mm2"] for m in p["machines"] if m["kind"] == "superhet" or AREA in m["equal"]] for p in packages]
    parts = sorted(area / whole for whole, *rivals in areas for area in rivals)
    return f"{parts[0]:.0%} to {parts[-1]:.0%}"


def _machines(packages: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for package in packages:
        for m in package["machines"]:
            what = f"{m['bricks']} x " + ("the package" if m["kind"] == "superhet" else f"its {m['kind'].upper()} part")
            rows.append(
                [
                    package["name"],
                    m["name"],
                    what,
                    " and ".join(m["equal"]) or "-",
                    f"{m['limit_w']:.0f} W",
                    f"{m['area_mm2']:.0f} mm2",
                ]
            )
    return table(["class", "machine", "made of", "equal in", "power limit", "dies and HBM"], rows)


def _case(case: Mapping[str, Any]) -> str:
    own = package_of(case)
    assert own is not None
    text = [
        f"### {case['name']}",
        f"Batch {case['batch']}, objective {case['objective']}; {'; '.join(case['phases'])}.",
    ]
    value = worth(case["objective"])
    order = sorted(case["rows"], key=lambda r: (not found(r), -value(r) if found(r) else 0.0))
    text.append(table(
        ["machine", "requests/s", "latency", "a token", "J/request", "power", "in flight", "gap", "limited by"],
        [_cells(row) for row in order],
    ))  # fmt: skip
    pair = pair_of(case, POWER)
    text.append(_shares([own, *([pair[1]] if pair else [])]))
    if own.get("fallbacks"):
        text.append("Not on CIM or elsewhere, and why: " + "; ".join(own["fallbacks"][:4]) + ".")
    if pair:
        text.append(_turns(case, *pair))
    return "\n\n".join(text)


def _cells(row: Row) -> list[str]:
    if not found(row):
        return [row["target"], *["-"] * 7, why_none(row)]
    bands = row["bands"]
    return [
        f"{row['target']}{' (cut short)' if cut_short(row) else ''}",
        f"{si(row['throughput_per_s'])} ±{percent(bands['throughput_per_s']['relative'])}",
        f"{si(row['latency_s'], 's')} ±{percent(bands['latency_s']['relative'])}",
        si(row["tpot_s"], "s") if row.get("tpot_s") else "-",
        f"{si(row['energy_j'], 'J')} ±{percent(bands['energy_j']['relative'])}",
        f"{row['average_power_w']:.3g} W",
        str(row["inflight"]),
        gap_of(row),
        limit_of(row),
    ]


def _shares(rows: Sequence[Row]) -> str:
    classes = ["CPU", "GPU", "DSA", "vector", "CIM"]
    lines = []
    for row in rows:
        for what in ("ops", "time"):
            parts = row["shares"][what]
            name = {"ops": "arithmetic", "time": "units' time"}[what]
            lines.append([f"{row['target']}, {name}", *(percent(parts[c]) if c in parts else "-" for c in classes)])
    return table(["what went where", *classes], lines)


def _turns(case: Mapping[str, Any], own: Row, other: Row) -> str:
    """What single figures of the one that is behind, moved far, make of the ratio; which of them turn the result."""
    now = ratio(case, own, other)
    behind, sign = (own, 1) if now < 1 else (other, -1)
    asked = {k: v for k, v in (behind.get("asked") or {}).items() if v and k not in RANGES}
    if not asked:
        return ""
    best = sorted(asked.items(), key=lambda kv: (-kv[1], kv[0]))[:3]
    said = ", ".join(f"`{k}` {times(now * v**sign)}" for k, v in best)
    turns = [f"`{k}`" for k, v in asked.items() if (now * v**sign < 1) != (now < 1)]
    end = f"{', '.join(turns)} would turn it." if turns else "No single one of them turns it."
    whose = "the package" if behind is own else other["target"]
    return f"Ratio to {other['target']}: {times(now)}. With one figure of {whose} moved: {said}. {end}"


def _variants(cases: Sequence[Mapping[str, Any]]) -> str:
    """The stacked package and the memory expanders against the flat one."""
    rows = []
    for case in cases:
        own = package_of(case)
        assert own is not None
        for row in case["rows"]:
            if row.get("machine") is None and found(row):
                energy = own["energy_j"] / row["energy_j"]
                rows.append(
                    [
                        case["name"],
                        row["target"],
                        f"{times(ratio(case, row, own))} of {flat_of(own)}",
                        times(energy),
                        gap_of(row),
                        limit_of(row),
                    ]
                )
    if not rows:
        return ""
    head = table(["case", "variant", "rate", "times less energy", "gap", "limited by"], rows)
    return (
        "### Stacked, and with more memory\n\nOne package each, against what the case has without expanders: its rate "
        "over theirs.\n\n" + head
    )
