"""What the answers of the study say, in sentences that are made from them: the verdict, and what was learned."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from math import exp, log
from typing import Any

from benchmarks.superhet_cases import RANGES
from benchmarks.superhet_rivals import AREA, FULL, POWER
from benchmarks.superhet_rows import Row, at_most, found, package_of, pair_of, ratio, span
from benchmarks.superhet_running import OPEN
from benchmarks.superhet_words import TEN, listed, table, times
from mapper.report.units import percent, si

WAYS = {
    POWER: "equal power, parts that take turns as the package's do",
    FULL: "equal power, parts at their full rate",
    AREA: "equal area",
}
"""The ways to count a rival's parts."""

CLOSE = 0.05
"""Up to this gap a plan is as good as proven."""

WORTH_TELLING = 1.1
"""What a figure must bring to be named."""

HELD = 0.95
"""From this part of its limit on a package is held by power."""

MODELS = {"gpt2": "GPT-2", "bert-large": "BERT-large", "llama2-7b": "Llama-2 7B", "gpt3-175b": "GPT-3 175B"}


def verdict(cases: Sequence[Row]) -> str:
    """What was asked, the answer, what limits, and how certain it is: what a reader needs who reads no further."""
    told = {way: pairs for way in WAYS if (pairs := [(c, *p) for c in cases if (p := pair_of(c, way))])}
    if POWER not in told:
        return "No case has both a package and a rival with a plan."
    models = listed([MODELS.get(m, m) for m in dict.fromkeys(c["model"] for c in cases)])
    asked = (
        "**Asked**: is a package of CPU, GPU, DSA and RRAM CIM chiplets ten times better than the best machine made of "
        f"its own GPU, DSA or CIM parts alone, at {models}?"
    )
    counts = table(
        ["rivals counted by", "cases", "ahead (beyond the error bands)", "behind (beyond them)", "geometric mean",
         "least", "most", "no plan exceeds"],
        [[WAYS[way], *_counts(pairs)] for way, pairs in told.items()],
    )  # fmt: skip
    return "\n\n".join([asked, f"{_answer(told)} {_proven(told)}", counts, _limits(told[POWER]), _certain(told[POWER])])


def _answer(told: Mapping[str, Sequence[Any]]) -> str:
    """In how many cases it is ten times better, for each way to count rivals."""
    ten = {way: [c["name"] for c, own, other in pairs if ratio(c, own, other) >= TEN] for way, pairs in told.items()}
    if not any(ten.values()):
        return f"**Answer: no, in none of {len(told[POWER])} cases, whichever way rivals are counted.**"
    parts = [
        f"in {len(names)} of {len(told[way])} against rivals of {WAYS[way]}{f' ({listed(names)})' if names else ''}"
        for way, names in ten.items()
    ]
    return f"**Answer: {'; '.join(parts)}.**"


def _counts(pairs: Sequence[Any]) -> list[str]:
    by = {c["name"]: ratio(c, own, other) for c, own, other in pairs}
    spans = [span(c, own, other) for c, own, other in pairs]
    bounds = [at_most(c, own, other) for c, own, other in pairs]
    best, worst = max(by, key=lambda n: by[n]), min(by, key=lambda n: by[n])
    proven = [b for b in bounds if b is not None]
    return [
        str(len(by)),
        f"{sum(t > 1 for t in by.values())} ({sum(low > 1 for low, _ in spans)})",
        f"{sum(t < 1 for t in by.values())} ({sum(high < 1 for _, high in spans)})",
        f"**{times(exp(sum(map(log, by.values())) / len(by)))}**",
        f"{times(by[worst])} ({worst})",
        f"{times(by[best])} ({best})",
        times(max(proven)) if len(proven) == len(by) else "not proven everywhere",
    ]


def _proven(told: Mapping[str, Sequence[Any]]) -> str:
    """How much better than these rivals any plan can be, and which cases a better plan than those found could turn."""
    bounds = [at_most(*one) for pairs in told.values() for one in pairs]
    if any(b is None for b in bounds):
        return ""
    most = max(b for b in bounds if b is not None)
    turned = [
        f"{c['name']} ({times(b)})"
        for c, own, other in told[POWER]
        if ratio(c, own, other) < 1 < (b := at_most(c, own, other) or 0.0)
    ]
    return (
        f"Proven bounds: no plan of the package is more than {times(most)} times better than these rivals' plans; a "
        f"better plan than those found could put it ahead at equal power in {listed(turned) or 'no other case'}."
    )


def _limits(pairs: Sequence[Any]) -> str:
    """What limits the packages, by kinds of ops, how much of the work CIM does, and the energy beside the rivals'."""
    packages = [own for _, own, _ in pairs]
    kinds = Counter(kind for p in packages if (kind := _limiting_kind(p)))
    told = listed([f"{kind} in {count}" for kind, count in sorted(kinds.items(), key=lambda kv: (-kv[1], kv[0]))])
    ops = sorted(p["shares"]["ops"].get("CIM", 0.0) for p in packages)
    time = sorted(p["shares"]["time"].get("CIM", 0.0) for p in packages)
    energy = {c["name"]: own["energy_j"] / other["energy_j"] for c, own, other in pairs}
    best, worst = min(energy, key=lambda n: energy[n]), max(energy, key=lambda n: energy[n])
    return (
        f"**What limits it**: {told} of the cases. CIM does {percent(ops[0])} to {percent(ops[-1])} of the arithmetic "
        f"in {percent(time[0])} to {percent(time[-1])} of the units' time. "
        f"**Energy**: a request takes from {times(energy[best])} ({best}) to {times(energy[worst])} times ({worst}) "
        f"what it takes on the best rival of equal power; less in {sum(e < 1 for e in energy.values())} of "
        f"{len(energy)} cases."
    )


def _certain(pairs: Sequence[Any]) -> str:
    """How near plans are to what is proven, and what is open."""
    gaps = {c["name"]: own["gap"] for c, own, _ in pairs if own.get("gap") is not None}
    close = sum(gap <= CLOSE for gap in gaps.values())
    left = [f"{name} (gap {percent(gap)})" for name, gap in gaps.items() if gap > OPEN]
    sure = sum(low > 1 or high < 1 for low, high in (span(*pair) for pair in pairs))
    return (
        f"**How certain**: in {close} of {len(pairs)} cases the package's plan is within {percent(CLOSE)} of what is "
        f"proven to be possible; wide open: {listed(left) or 'none'}. The error bands leave no doubt who is ahead in "
        f"{sure} of {len(pairs)}. All parts are assumptions with ranges ([How it was asked](#how-it-was-asked), "
        "[Where this may mislead](#where-this-may-mislead))."
    )


def lessons(cases: Sequence[Row]) -> str:
    """What was learned, as a list: every sentence is made from the answers."""
    pairs = [(c, *p) for c in cases if (p := pair_of(c, POWER))]
    told = chain(
        _full_power(cases),
        _rivals(pairs),
        _batches(cases),
        _figures(cases),
        _power(cases),
        _open(cases),
        _variants(cases),
    )
    return "\n".join(f"- {line}" for line in told)


def _full_power(cases: Sequence[Row]) -> Iterator[str]:
    both = [(c, p, f) for c in cases if (p := pair_of(c, POWER)) and (f := pair_of(c, FULL))]
    if not both:
        return
    now = {c["name"]: (ratio(c, *p), ratio(c, *f)) for c, p, f in both}
    turned = [f"{n} ({times(a)} to {times(b)})" for n, (a, b) in now.items() if a < 1 < b]
    most = max(now, key=lambda n: now[n][1] / now[n][0])
    yield (
        f"**Parts at full rate.** Against rivals whose parts get their full power the package is ahead in "
        f"{sum(b > 1 for _, b in now.values())} instead of {sum(a > 1 for a, _ in now.values())} of {len(now)} cases; "
        f"turned: {listed(turned) or 'none'}. The largest difference: {most}, {times(now[most][0])} to "
        f"{times(now[most][1])}."
    )


def _rivals(pairs: Sequence[Any]) -> Iterator[str]:
    kinds: defaultdict[str, list[str]] = defaultdict(list)
    if not pairs:
        return
    for case, _, other in pairs:
        kinds[other["machine"]["kind"].upper()].append(case["name"])
    told = [
        f"{kind} alone in {len(names)} ({', '.join(names)})"
        for kind, names in sorted(kinds.items(), key=lambda kv: -len(kv[1]))
    ]
    yield f"**The rival to beat** of equal power is {listed(told)}."


def _batches(cases: Sequence[Row]) -> Iterator[str]:
    """What batches change."""
    by: defaultdict[str, list[Any]] = defaultdict(list)
    for case in cases:
        if case["objective"] == "throughput" and (pair := pair_of(case, POWER)):
            by[case["model"]].append((case["batch"], case, *pair))
    for model, some in by.items():
        if len(some) < 2:
            continue
        (few, first, own, other), (many, second, own2, other2) = some[0], some[-1]
        rates = [si(row["throughput_per_s"]) for row in (own, own2, other, other2)]
        slower = own2["throughput_per_s"] < own["throughput_per_s"]
        yield (
            f"**{MODELS.get(model, model)}, batch {few} to {many}**: the ratio goes from "
            f"{times(ratio(first, own, other))} to {times(ratio(second, own2, other2))}, energy from "
            f"{times(own['energy_j'] / other['energy_j'])} to {times(own2['energy_j'] / other2['energy_j'])} times "
            f"that of the best rival; the package does {rates[0]} and {rates[1]} requests/s"
            f"{', fewer in the larger batch' if slower else ''}, the best rival of each ({other['target']}, "
            f"{other2['target']}) {rates[2]} and {rates[3]}."
        )


def _figures(cases: Sequence[Row]) -> Iterator[str]:
    """Which single figures of the package bring most."""
    best: dict[str, tuple[float, str]] = {}
    for case in cases:
        own = package_of(case)
        for wish, gain in ((own or {}).get("asked") or {}).items():
            if gain and wish not in RANGES:
                best[wish] = max(best.get(wish, (0.0, "")), (gain, case["name"]))
    if not best:
        return
    order = sorted(best.items(), key=lambda kv: (-kv[1][0], kv[0]))
    told = [f"`{wish}` {times(gain)} ({name})" for wish, (gain, name) in order if gain >= WORTH_TELLING]
    rest = [f"`{wish}`" for wish, (gain, _) in order if gain < WORTH_TELLING]
    least = f" Less than {percent(WORTH_TELLING - 1)} wherever it was asked: {listed(rest)}." if rest else ""
    yield f"**One figure of the package moved**, where it brings most: {listed(told) or 'nothing'}.{least}"


def _power(cases: Sequence[Row]) -> Iterator[str]:
    own = [(c["name"], p) for c in cases if (p := package_of(c))]
    if not own:
        return
    held = [name for name, p in own if p["average_power_w"] >= HELD * p["power_limit_w"]]
    name, least = min(own, key=lambda np: np[1]["average_power_w"] / np[1]["power_limit_w"])
    yield (
        f"**Power holds the package** in {listed(held) or 'no case'}; it leaves most of its limit in {name} "
        f"({least['average_power_w']:.3g} of {least['power_limit_w']:.3g} W)."
    )


def _open(cases: Sequence[Row]) -> Iterator[str]:
    """What lies behind large gaps: room for few requests in flight, or work that other units could share."""
    for case in cases:
        own = package_of(case)
        if own and (own.get("gap") or 0.0) > OPEN:
            yield f"**{case['name']} is open** (gap {percent(own['gap'])}): {_flight(own)}.{_why_open(case, own)}"


def _why_open(case: Row, own: Row) -> str:
    """What the bound of a rate leaves out; of a time nothing is known."""
    if case["objective"] != "throughput":
        return ""
    if own.get("waits"):
        return " The bound counts neither the room that requests in flight need nor that they wait for one another."
    return " Its busiest unit has no rest; the bound would have others share its work, and no plan found does."


def _variants(cases: Sequence[Row]) -> Iterator[str]:
    for case in cases:
        own = package_of(case)
        for row in case["rows"]:
            if own and row.get("machine") is None and found(row) and (row.get("gap") or 0.0) > OPEN:
                yield (
                    f"**{row['target']} at {case['name']}** ({times(ratio(case, row, own))} of {flat_of(own)}) is "
                    f"open, too (gap {percent(row['gap'])}): {_flight(row)}."
                )


def flat_of(own: Row) -> str:
    """What a variant, which is one package, is held against."""
    count = own["machine"].get("bricks", 1)
    return "the flat package" if count == 1 else f"{count} flat packages"


def _flight(row: Row) -> str:
    """How many runs are in flight, which memory is fullest, and why the busiest resource idles, where it does."""
    runs, full = "batch" if row["inflight"] == 1 else "batches", row["fullest"]
    begin = f"{row['inflight']} {runs} of {row['batch']} in flight, {full['name']} {percent(full['part'])} full"
    return f"{begin}; {row['waits']}" if row.get("waits") else begin


def gap_of(row: Row) -> str:
    """How far a plan is from its bound."""
    return percent(row["gap"]) if row.get("gap") is not None else "no bound"


def _limiting_kind(row: Row) -> str:
    """Which kind of ops, or moves, limits a plan most; nothing where that is not known."""
    causes = row.get("limited_by") or [{"what": ""}]
    return str(causes[0]["what"]).partition(" ")[0]


def limit_of(row: Row) -> str:
    """What limits a plan most."""
    causes = row.get("limited_by") or []
    return f"{causes[0]['what']} {percent(causes[0]['part'])}" if causes else "-"
