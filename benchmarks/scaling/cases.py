"""What benchmarks/scale.py measures: models on targets, and the bars that each must meet."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

PREFILL, DECODE = "prefill: batch=1 seq=512 past=0", "decode: batch=1 seq=1 past=512..639"
BOTH = (PREFILL, DECODE)
DECODE_ONLY = "decode: batch=1 past=512..639"
SHORT = ("prefill: batch=1 seq=16 past=0", "decode: batch=1 seq=1 past=16..31")
"""A prompt of 512 tokens and an answer of 128, and what the tiny models are asked."""

GROUPS = ("small", "large", "growth", "library")
BASELINES = ("heft", "greedy", "round-robin", "one-unit", "stages")

LAYERS = (12, 24, 48, 96, 192)
GROWS = (("gpt3-175b", "dgx-a100x4"), ("gpt2", "superhet"))
BASE, TOP, MOST_GROWTH = 24, 192, 2.0
"""Growing models, and how much longer the tallest may take than one of `BASE` layers."""

LIBRARY = {
    "bert-base": ("run: batch=1 seq=128",),
    "gpt2": BOTH,
    "vit": ("run: batch=1",),
    "llama-tiny": SHORT,
    "mixtral-tiny": SHORT,
}
"""Models that are mapped on every target."""

MACROS = ("cim-analog", "cim-digital")

REAL = {
    "bert-base.ts17": "run: batch=1 seq=128",
    "gpt2-prefill.ts17": "prefill: batch=1 seq=512",
    "gpt2-decode.dynamo18": DECODE_ONLY,
    "vit-b16.ts17": "run: batch=1",
    "llama-tiny-decode.dynamo18": "decode: batch=1 past=16..31",
    "llama2-7b-decode.dynamo18.noopt": DECODE_ONLY,
}
"""Real exports and the phase each is mapped for."""

REAL_TARGETS = ("superhet", "rram-cim", "edge-npu", "a100-80", "dgx-a100", "xeon-8592")


@dataclass(frozen=True)
class Case:
    """A model on a target, and the bars it must meet (None: no bar; gaps are parts of one).

    layers: instead of the model's own number. against: pipelines whose plan may not be better. file: an export, where
    the model is no sample.
    """

    group: str
    model: str
    target: str
    phases: tuple[str, ...]
    objective: str = "throughput"
    layers: int | None = None
    most_seconds: float | None = None
    most_mb: float | None = None
    most_gap: float | None = None
    against: tuple[str, ...] = ()
    may_not_fit: bool = False
    file: str = ""
    effort: str = "default"

    @property
    def name(self) -> str:
        """The model, its layers and phases, and the objective unless it is throughput."""
        depth = f" x{self.layers}" if self.layers else ""
        goal = "" if self.objective == "throughput" else f" {self.objective}"
        return f"{self.model}{depth} {'+'.join(p.split(':')[0] for p in self.phases)}{goal}"

    @property
    def bars(self) -> str:
        """The bars in words."""
        gap = None if self.most_gap is None else 100 * self.most_gap
        named = ((self.most_seconds, "s"), (self.most_mb, "MB"), (gap, "%"))
        return ", ".join(f"{bar:g} {unit}" for bar, unit in named if bar is not None)

    def text(self) -> str:
        """All of it, as JSON."""
        return json.dumps(asdict(self))

    @staticmethod
    def of(text: str) -> Case:
        """The case that `text` wrote."""
        fields = json.loads(text)
        return Case(**{k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()})


def cases(groups: Sequence[str], effort: str, models: Path | None = None, every: bool = False) -> Iterator[Case]:
    """The cases of some groups in order, then those of a folder of real exports, on `every` target or on one."""
    makers = {"small": _small, "large": _large, "growth": _growth, "library": _library}
    for group in groups:
        yield from makers[group](effort)
    if models is not None:
        yield from _real(models, every, effort)


def _small(effort: str) -> Iterator[Case]:
    run = LIBRARY["bert-base"]
    yield Case("small", "bert-base", "superhet", run, most_seconds=15, most_gap=0.10, effort=effort)
    yield Case("small", "gpt2", "superhet", BOTH, most_seconds=30, effort=effort)


def _large(effort: str) -> Iterator[Case]:
    rows = (
        ("gpt3-175b", ("dgx-a100x4", "superhetx96"), 60.0, 3000.0, 0.03, 0.05),
        ("llama2-70b", ("hgx-h100", "superhetx16"), 45.0, None, 0.03, 0.03),
        ("gpt4-like", ("hgx-h100x12", "cim-mesh-256"), 120.0, None, 0.05, 0.05),
    )
    for model, targets, seconds, mb, throughput_gap, latency_gap in rows:
        for target in targets:
            for objective, gap in (("throughput", throughput_gap), ("latency", latency_gap)):
                yield Case(
                    "large", model, target, BOTH, objective, most_seconds=seconds, most_mb=mb, most_gap=gap,
                    effort=effort,
                )  # fmt: skip


def _growth(effort: str) -> Iterator[Case]:
    for model, target in GROWS:
        for layers in LAYERS:
            yield Case("growth", model, target, BOTH, layers=layers, effort=effort)


def _library(effort: str) -> Iterator[Case]:
    for target in runnable_targets():
        for model, phases in LIBRARY.items():
            yield Case(
                "library", model, target, phases, most_seconds=20, most_gap=0.05, against=BASELINES,
                may_not_fit=True, effort=effort,
            )  # fmt: skip


def runnable_targets() -> Iterator[str]:
    """The targets of the library that are more than macros, which run products only."""
    from mapper.hw.library import target_names
    from mapper.hw.load import load_target

    for name in target_names():
        if any(unit.model_name not in MACROS for unit in load_target(name).units):
            yield name


def _real(models: Path, every: bool, effort: str) -> Iterator[Case]:
    for name, phase in REAL.items():
        path = models / f"{name}.onnx"
        if not path.is_file():
            continue
        big = name.startswith("llama2-7b")
        for target in REAL_TARGETS if every else ("a100-80", "superhet", "dgx-a100") if big else ("superhet",):
            yield Case(
                "real", name, target, (phase,), most_mb=1500 if big else None, may_not_fit=True, file=str(path),
                effort=effort,
            )  # fmt: skip
