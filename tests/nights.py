"""Histories of many nights, made up: costs that change, searches that vary, clocks that are wrong, nights that fail."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from sqlalchemy import text

from mapper.regress.baseline import Baseline
from mapper.regress.cases import Case, cases
from mapper.regress.history import History, opened
from mapper.regress.record import Ended, Record
from mapper.regress.suite import read_suite

TARGETS = ("superhet", "edge-npu", "dgx-a100x4", "xeon-8592", "dgx-h100")
OBJECTIVES = ("throughput", "latency")
FIRST = datetime(2025, 11, 24, 2, tzinfo=UTC)
VERSIONS = {"python": "3.11.7", "hetmap": "0.1.0", "onnx": "1.22.0", "ortools": "9.13.4784", "numpy": "2.3.1"}
UPGRADES = {0.2: ("onnx", "1.23.2"), 0.45: ("ortools", "9.14.6206"), 0.6: ("numpy", "2.4.6"),
            0.8: ("ortools", "9.15.6755")}  # fmt: skip
"""By the part of all nights that has passed, what is upgraded."""
COSTS = {0.3: 1.04, 0.5: 0.97, 0.7: 1.1, 0.9999: 1.02}
"""By the part of all nights that has passed, how much slower a target becomes; all but the last are accepted."""
MORE_IS_FASTER = ("throughput_per_s", "tokens_per_s", "average_power_w")
INSERT = """INSERT INTO records (run, case_name, key, ended, text) VALUES (:run, :case_name, :key, :ended, :text)"""


@dataclass(frozen=True)
class Nights:
    """A suite with its history and its baseline. path: the file of cases; out: what `--out` is for it."""

    path: Path
    out: Path
    history: History
    cases: tuple[Case, ...]


def nights_in(
    folder: Path, number: int = 200, nights: int = 365, seed: int = 7, changing: float = 0.05, db: str = ""
) -> Nights:
    """So many cases and nights in a folder; the same arguments give the same. changing: the part of the cases whose
    search finds something else in a night in which the code has changed. db: a URL, where it is to be no file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "cases.yaml"
    path.write_text(_suite(number), encoding="utf-8")
    some = cases(read_suite(path), folder)[:number]
    history = opened(db or folder / "out" / "history.db")[0]
    baseline = _Maker(random.Random(seed), some, nights, changing).write(history)
    baseline.save(folder / "baseline.json")
    return Nights(path, folder / "out", history, some)


def _suite(number: int) -> str:
    count = -(-number // (len(TARGETS) * len(OBJECTIVES)))
    models = [f"  model-{k:02d}: {{file: model-{k:02d}.onnx}}" for k in range(count)]
    matrix = f"matrix: [{{models: ['*'], targets: [{', '.join(TARGETS)}], objectives: [{', '.join(OBJECTIVES)}]}}]"
    return "\n".join(["schema: 1", "name: nightly", "models:", *models, matrix]) + "\n"


@dataclass
class _Maker:
    dice: random.Random
    cases: tuple[Case, ...]
    nights: int
    changing: float
    code: int = 0
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=lambda: dict(VERSIONS))

    def write(self, history: History) -> Baseline:
        """Write all nights; returns what was accepted on the way: the first night, and the one after each new cost."""
        self.metrics = {case.name: self._first(case) for case in self.cases}
        baseline = Baseline("nightly")
        accepted = {0, *(int(part * self.nights) + 1 for part in COSTS if part < 0.9)}
        for night in range(self.nights):
            self._change(night)
            late = -40 if night % 100 == 57 else 0  # a clock that goes wrong
            began = FIRST + timedelta(days=night + late)
            told = {**self.versions, "code": sha256(str(self.code).encode()).hexdigest()[:12]}
            run = history.begin("nightly", json.dumps(told), began)
            records = list(self._records(night))
            rows = [{"run": run.number, "case_name": r.case, "key": r.key, "ended": r.ended.value, "text": r.text}
                    for r in records]  # fmt: skip
            with history.engine.begin() as connection:
                connection.execute(text(INSERT), rows)
            if night in accepted:
                why = f"costs measured anew (#{night})" if night else "first"
                baseline = baseline.accept(records, "Ada <ada@example.org>", why, began + timedelta(hours=7))
        return baseline

    def _first(self, case: Case) -> dict[str, float]:
        dice = self.dice
        seconds, parts = 10 ** dice.uniform(-4, 0), (dice.uniform(0.2, 0.4), dice.uniform(0.4, 0.6))
        found = {"throughput_per_s": 1 / seconds, "tokens_per_s": 16 / seconds, "value": 1 / seconds,
                 "bound": 1 / seconds * 1.02, "gap": 0.02, "latency_s": seconds * 1.3, "ttft_s": seconds * parts[0],
                 "tpot_s": seconds * parts[1] / 16, "energy_j": seconds * 90, "energy_per_token_j": seconds * 90 / 16,
                 "average_power_w": 90.0, "deploy_s": 0.0, "deploy_j": 0.0, "inflight": 2.0}  # fmt: skip
        if case.asked.objective == "latency":
            found |= {"value": found["latency_s"], "bound": found["latency_s"] / 1.02}
        for phase, part in zip(("prefill", "decode"), parts, strict=True):
            found |= {f"latency_s of {phase}": seconds * part, f"energy_j of {phase}": seconds * part * 90}
        found |= {f"peak_bytes of {name}": float(dice.randrange(10**6, 10**9)) for name in ("ddr0", "hbm0", "sram0")}
        return found | {f"ops on {kind}": float(dice.randrange(40)) for kind in ("cpu", "gpu", "dsa")}

    def _change(self, night: int) -> None:
        """What a night brings: another version, another cost, other code, with which some searches end elsewhere."""
        upgraded = [what for part, what in UPGRADES.items() if int(part * self.nights) == night]
        self.versions.update(upgraded)
        for part, factor in COSTS.items():
            if int(part * self.nights) == night:
                target = TARGETS[int(10 * part) % len(TARGETS)]
                for case in self.cases:
                    if case.target == target:
                        self._move(case, factor)
        if upgraded or self.dice.random() < 0.3:
            self.code += 1
            for case in self.cases:
                if self.dice.random() < self.changing:
                    self._move(case, 1 + self.dice.gauss(0, 0.003))

    def _move(self, case: Case, factor: float) -> None:
        found = self.metrics[case.name]
        for name, value in found.items():
            if name in MORE_IS_FASTER:
                found[name] = value / factor
            elif name in ("value", "bound"):
                found[name] = value * factor if case.asked.objective == "latency" else value / factor
            elif "_s" in name or "energy" in name:
                found[name] = value * factor * (1 + self.dice.gauss(0, 1e-4))
        if case.asked.objective == "latency":
            found["value"] = found["latency_s"]
        found["gap"] = abs(found["bound"] / found["value"] - 1)

    def _records(self, night: int) -> Iterator[Record]:
        """A record of each case: one target is broken for a night, one case too large for a tenth of all nights, one
        case is new."""
        late = self.nights // 3
        for k, case in enumerate(self.cases):
            if k == 3 and night < late:
                continue
            asked = repr((case.name, self.code, sorted(self.versions.items()), self.metrics[case.name]["value"]))
            key = sha256(asked.encode()).hexdigest()
            about = {"effort": "quick", "model": case.model, "objective": case.asked.objective, "target": case.target}
            one = Record(case.name, key, Ended.FOUND, {}, self._timings(), dict(self.versions), about)
            if night == int(0.85 * self.nights) and case.target == TARGETS[1]:
                yield Record(**{**vars(one), "ended": Ended.BROKEN, "reason": "KeyError: 'dma3'"})
            elif k == 5 and 0.6 <= night / self.nights < 0.7:
                why = "model-00 does not fit dgx-h100 (weights)"
                yield Record(**{**vars(one), "ended": Ended.INFEASIBLE, "reason": why})
            elif k == 7 and night == self.nights - 1:
                yield Record(**{**vars(one), "ended": Ended.TIMEOUT, "reason": "took more than 600 s"})
            else:
                digest = sha256(str(sorted(self.metrics[case.name].items())).encode()).hexdigest()
                yield Record(
                    **{**vars(one), "metrics": dict(self.metrics[case.name]), "plan": digest, "placed": digest}
                )

    def _timings(self) -> Mapping[str, float]:
        noise = self.dice.lognormvariate(0, 0.05)
        found = {"case_s": 9.2 * noise, "total_s": 9.0 * noise, "solve_s": 6.1 * noise, "import_s": 0.5 * noise,
                 "peak_memory_bytes": float(self.dice.randrange(280, 300)) * 2**20}  # fmt: skip
        passes = ("partition", "options", "place-teams", "schedule", "memory", "judge", "fuse-attention", "simplify")
        return found | {f"{name}_s of passes": round(0.3 * noise, 3) for name in passes}
