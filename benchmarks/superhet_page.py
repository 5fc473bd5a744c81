"""The page of the study: what was found, as Markdown, and what it rests on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import exp, log
from pathlib import Path
from typing import Any

from benchmarks.superhet_study import RANGES, best_rival, package_of, worth
from mapper.comparison.answers import MISSING
from mapper.report.units import percent, si

Row = Mapping[str, Any]
TEMPLATE = Path(__file__).with_name("superhet.template.md")
"""The words that no figure changes: how it was asked, and where it may mislead."""

TEN = 10.0
"""What is promised: an order of magnitude."""

FIELD = {"throughput": "throughput_per_s", "latency": "latency_s"}
"""The figure of an objective."""


def page(found: Mapping[str, Any]) -> str:
    """The whole page."""
    cases = [c for c in found["cases"] if package_of(c)]
    text = TEMPLATE.read_text(encoding="utf-8").format(
        verdict=verdict(cases),
        summary=_summary(cases) + unanswered(found["cases"]),
        batches=_batches(cases),
        precision=found["precision"],
        loads=_loads(found["packages"]),
        machines=_machines(found["packages"]),
        cases="\n\n".join(map(_case, cases)),
        variants=_variants(cases),
    )
    return text.replace("\n\n\n\n", "\n\n")


def verdict(cases: Sequence[Mapping[str, Any]]) -> str:
    """The first paragraph: in how many cases the package is ahead, by how much, and where a factor of ten is met."""
    pairs = [(c, *p) for c in cases if (p := _pair(c, "power"))]
    if not pairs:
        return "No case has both a package and a rival with a plan."
    by = {c["name"]: ratio(c, own, other) for c, own, other in pairs}
    ahead = [name for name, times in by.items() if times > 1]
    sure = [c["name"] for c, own, other in pairs if span(c, own, other)[0] > 1]
    ten = [name for name, times in by.items() if times >= TEN]
    best, worst = max(by, key=lambda n: by[n]), min(by, key=lambda n: by[n])
    middle = exp(sum(map(log, by.values())) / len(by))
    return (
        f"**An order of magnitude over the best rival of equal power is reached in {len(ten)} of {len(by)} cases"
        f"{': ' + ', '.join(ten) if ten else ''}.** The package is ahead in {len(ahead)} "
        f"({len(sure)} beyond the error bands); the geometric mean of the ratios is {times(middle)}, "
        f"from {times(by[worst])} ({worst}) to {times(by[best])} ({best}). "
        f"{_proven(pairs)}{_by_area(cases)}{_energies(pairs)} {_why([own for _, own, _ in pairs])}"
    )


def _proven(pairs: Sequence[Any]) -> str:
    """What no plan can change, by the packages' proven bounds, and which cases a better plan could turn."""
    by = {c["name"]: most for c, own, other in pairs if (most := at_most(c, own, other)) is not None}
    if len(by) < len(pairs):
        return ""
    best = max(by, key=lambda n: by[n])
    told = f"No plan of the package does better than {times(by[best])} times ({best}), by its proven bounds"
    turned = [
        f"{c['name']} ({times(by[c['name']])})" for c, own, other in pairs if ratio(c, own, other) < 1 < by[c["name"]]
    ]
    return f"{told}; a better plan than the one found could still put it ahead in {', '.join(turned) or 'no other'}. "


def _by_area(cases: Sequence[Mapping[str, Any]]) -> str:
    """The same counts against rivals of equal area, whose parts are counted in another way."""
    by = [ratio(c, *pair) for c in cases if (pair := _pair(c, "area"))]
    if not by:
        return ""
    ahead = sum(each > 1 for each in by)
    return f"Of equal area it is ahead in {ahead} of {len(by)}, from {times(min(by))} to {times(max(by))}. "


def _energies(pairs: Sequence[Any]) -> str:
    by = {c["name"]: other["energy_j"] / own["energy_j"] for c, own, other in pairs}
    best, worst = max(by, key=lambda n: by[n]), min(by, key=lambda n: by[n])
    return (
        f"Beside the same rivals a request takes from {times(1 / by[best])} ({best}) to {times(1 / by[worst])} times "
        f"({worst}) their energy."
    )


def _why(packages: Sequence[Row]) -> str:
    """What limits the packages, by kinds of ops and units, and how much of the work CIM does."""
    kinds = Counter(words[0] for p in packages if (words := _limit(p).split(" on ")) and words[0] != "-")
    told = ", ".join(f"{kind} in {count}" for kind, count in sorted(kinds.items(), key=lambda kv: (-kv[1], kv[0])))
    ops = sorted(p["shares"]["ops"].get("CIM", 0.0) for p in packages)
    time = sorted(p["shares"]["time"].get("CIM", 0.0) for p in packages)
    return (
        f"What limits the package is {told}; CIM does {percent(ops[0])} to {percent(ops[-1])} of its arithmetic "
        f"in {percent(time[0])} to {percent(time[-1])} of its units' time: what CIM makes quick was not all of it."
    )


def ratio(case: Mapping[str, Any], own: Row, other: Row) -> float:
    """How many times better the package is by the case's objective."""
    value = worth(case["objective"])
    return value(own) / value(other)


def at_most(case: Mapping[str, Any], own: Row, other: Row) -> float | None:
    """The ratio to the rival's plan that no plan of the package exceeds, by its proven bound; None without one."""
    if own.get("bound") is None:
        return None
    field = FIELD[case["objective"]]
    return float(own["bound"] / other[field] if case["objective"] == "throughput" else other[field] / own["bound"])


def span(case: Mapping[str, Any], own: Row, other: Row) -> tuple[float, float]:
    """Where the ratio may lie by the error bands of both, taken as independent, and by the ranges of the assumed
    figures that only the package has."""
    field = FIELD[case["objective"]]
    better, worse = (own, other) if case["objective"] == "throughput" else (other, own)
    a, b = better["bands"][field], worse["bands"][field]
    low, high = a["low"] / b["high"], a["high"] / b["low"]
    ends = [v for k in ("good", "bad") if (v := (own.get("asked") or {}).get(k))]
    return low * min([1.0, *ends]), high * max([1.0, *ends])


def _pair(case: Mapping[str, Any], equal: str) -> tuple[Row, Row] | None:
    own, other = package_of(case), best_rival(case, equal)
    return (own, other) if own and other else None


def _summary(cases: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for case in cases:
        cells = [f"[{case['name']}](#{case['name']})"]
        for equal in ("power", "area"):
            pair = _pair(case, equal)
            if pair is None:
                cells += ["-", "-"]
                continue
            low, high = span(case, *pair)
            most = at_most(case, *pair)
            bound = "no bound" if most is None else times(most)
            cells += [
                pair[1]["target"].split("-")[0].upper(),
                f"**{times(ratio(case, *pair))}** ({times(low)} to {times(high)}); {bound}",
            ]
        pair = _pair(case, "power")
        cells.append(times(pair[0]["energy_j"] / pair[1]["energy_j"]) if pair else "-")
        cells.append(_limit(pair[0]) if pair else "-")
        rows.append(cells)
    head = ["case", "best of equal power", "times better (may be); at most", "best of equal area",
            "times better (may be); at most", "energy, times", "what limits the package"]  # fmt: skip
    return table(head, rows)


def unanswered(cases: Sequence[Mapping[str, Any]]) -> str:
    """The cases that the page says nothing of, and why."""
    told = []
    for case in cases:
        if package_of(case) is None:
            own = next((r for r in case["rows"] if (r.get("machine") or {}).get("kind") == "superhet"), {})
            told.append(f"{case['name']} (the package: {own.get('reason') or own.get('outcome') or 'not asked'})")
    return f"\n\nNo answer, and in none of the counts: {', '.join(told)}." if told else ""


def _batches(cases: Sequence[Mapping[str, Any]]) -> str:
    """Each model's best rate, whatever the batch: nobody has to take a batch that does not suit a machine."""
    rates: dict[str, dict[str, list[tuple[float, int, str]]]] = {}
    for case in (c for c in cases if c["objective"] == "throughput"):
        own, other = _pair(case, "power") or (None, None)
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
                    m["equal"] or "-",
                    f"{m['limit_w']:.0f} W",
                    f"{m['area_mm2']:.0f} mm2",
                ]
            )
    return table(["class", "machine", "made of", "equal in", "power limit", "dies and HBM"], rows)


def _case(case: Mapping[str, Any]) -> str:
    own = package_of(case)
    assert own is not None
    text = [f"## {case['name']}", f"Batch {case['batch']}, objective {case['objective']}; {'; '.join(case['phases'])}."]
    value = worth(case["objective"])
    order = sorted(case["rows"], key=lambda r: (r["outcome"] != "found", -value(r) if r["outcome"] == "found" else 0.0))
    text.append(table(
        ["machine", "requests/s", "latency", "a token", "J/request", "power", "gap", "limited by"],
        [_cells(row) for row in order],
    ))  # fmt: skip
    pair = _pair(case, "power")
    text.append(_shares([own, *([pair[1]] if pair else [])]))
    if own.get("fallbacks"):
        text.append("Not on CIM or elsewhere, and why: " + "; ".join(own["fallbacks"][:4]) + ".")
    if pair:
        text.append(_turns(case, *pair))
    return "\n\n".join(text)


def _cells(row: Row) -> list[str]:
    if row["outcome"] != "found":
        return [row["target"], "-", "-", "-", "-", "-", "-", _why_none(row)]
    bands = row["bands"]
    return [
        row["target"],
        f"{si(row['throughput_per_s'])} ±{percent(bands['throughput_per_s']['relative'])}",
        f"{si(row['latency_s'], 's')} ±{percent(bands['latency_s']['relative'])}",
        si(row["tpot_s"], "s") if row.get("tpot_s") else "-",
        f"{si(row['energy_j'], 'J')} ±{percent(bands['energy_j']['relative'])}",
        f"{row['average_power_w']:.3g} W",
        gap_of(row),
        _limit(row),
    ]


def _why_none(row: Row) -> str:
    """Why a machine has no plan."""
    return "not asked in this run" if row["outcome"] == MISSING else f"no plan: {row.get('reason', row['outcome'])}"


def gap_of(row: Row) -> str:
    """How far a plan is from its bound."""
    return percent(row["gap"]) if row.get("gap") is not None else "no bound"


def _limit(row: Row) -> str:
    found = row.get("limited_by") or []
    return f"{found[0]['what']} {percent(found[0]['part'])}" if found else "-"


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
            if row.get("machine") is None and row["outcome"] == "found":
                energy = own["energy_j"] / row["energy_j"]
                rows.append(
                    [case["name"], row["target"], times(ratio(case, row, own)), times(energy), gap_of(row), _limit(row)]
                )
    if not rows:
        return ""
    head = table(["case", "variant", "times better", "times less energy", "gap", "limited by"], rows)
    return (
        "## Stacked, and with more memory\n\nAgainst the flat package without expanders, by the same objective.\n\n"
        + head
    )


def times(number: float) -> str:
    """A ratio with as many digits as it is worth."""
    return f"{number:.2f}" if number < TEN else f"{number:.3g}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; bars inside cells are escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
