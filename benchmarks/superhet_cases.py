"""What is asked in the study of super-heterogeneous packages: models, batches, objectives, and changes of figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.superhet_rivals import DIE_ARRAYS, Package

Wishes = Mapping[str, tuple[str, ...]]
"""Changes of figures that are asked together, by name."""

PRECISION = "int8"
"""Of all machines: CIM has no other, and the others are as quick as they get."""

CHAT = ("prefill: seq=512 past=0", "decode: seq=1 past=512..639")

RANGES: Wishes = {
    "good": ("cim*.idle_power_w=0.3", "cim*.buffer_per_bit=0.05", "cim*.buffer.bandwidth=1024e9",
             "cim*.buffer.energy_pj_per_bit=0.5", "cim*.vector.lanes=512"),
    "bad": ("cim*.idle_power_w=3", "cim*.buffer_per_bit=0.2", "cim*.buffer.bandwidth=256e9",
            "cim*.buffer.energy_pj_per_bit=2", "cim*.vector.lanes=128"),
}  # fmt: skip
"""The ends of the ranges of units/rram-cim-128: figures that only the package has, of which the ratio to a rival
without CIM hangs alone."""

WISHES = (
    "cim*.arrays*=8", "cim*.buffer.capacity*=64", "cim*.read_time_s/=4", "hbm.bandwidth*=4", "hbm.capacity*=4",
    "gpu0.clock_hz*=4", "dsa*.clock_hz*=4", "power_limit_w*=4",
)  # fmt: skip
"""Figures of the package, each moved by more than anybody promises, to see which of them would turn the result."""

LARGE_WISHES = ("cim*.arrays*=8", "hbm.bandwidth*=4", "hbm.capacity*=4")
"""Those that are asked where each takes minutes."""

RIVAL_WISHES = {
    "gpu": ("gpu0.clock_hz*=4", "hbm.bandwidth*=4", "power_limit_w*=4"),
    "dsa": ("dsa*.clock_hz*=4", "hbm.bandwidth*=4", "power_limit_w*=4"),
    "cim": ("vec.lanes*=4", "cim*.buffer.capacity*=64", "hbm.bandwidth*=4"),
}
"""The same of a rival's parts."""


@dataclass(frozen=True)
class Case:
    """A model on a class of machines, with a batch and an objective. wishes: what the package is asked beyond its
    ranges."""

    model: str
    package: Package
    phases: tuple[str, ...]
    batch: int
    objective: str = "throughput"
    wishes: tuple[str, ...] = WISHES

    @property
    def name(self) -> str:
        """The case as a folder's name."""
        return f"{self.model}-b{self.batch}-{self.objective}"


CARD, SERVER = Package("superhet"), Package("superhet-server", 2)
CASES = (
    *(
        Case(model, CARD, phases, batch, objective)
        for model, phases, many in (("gpt2", CHAT, 32), ("bert-large", ("run: seq=384",), 32), ("llama2-7b", CHAT, 8))
        for batch, objective in ((1, "throughput"), (many, "throughput"), (1, "latency"))
    ),
    Case("gpt3-175b", SERVER, CHAT, 16, wishes=LARGE_WISHES),
)
QUICK = (
    Case("bert-tiny", CARD, ("run: seq=16",), 1),
    Case("gpt2-tiny", CARD, ("prefill: seq=16 past=0", "decode: seq=1 past=16..31"), 4, "latency"),
)
"""A subset that takes seconds: what the test runs."""

VARIANTS = {
    "gpt2": ("superhet-card-3d",),
    "bert-large": ("superhet-card-3d",),
    "llama2-7b": ("superhet-card-hbm", "superhet-card-cxl"),
    "gpt3-175b": ("superhet-server-cxl",),
}
"""Stacked packages and packages with memory expanders that are asked beside the flat one where the rate of batches is
wanted, by model. Rivals of equal area are asked for rates only."""


def wishes_of(case: Case) -> Wishes:
    """What a package is asked; absolute figures of a CIM die count for as many dies as one unit has."""
    dies = case.package.document["units"]["cim"].get("arrays", DIE_ARRAYS) / DIE_ARRAYS
    ends = {name: tuple(_of_dies(text, dies) for text in texts) for name, texts in RANGES.items()}
    return {**ends, **{wish: (wish,) for wish in case.wishes}}


def _of_dies(text: str, dies: float) -> str:
    name, _, number = text.partition("=")
    return text if dies == 1 or "per_bit" in name else f"{name}={float(number) * dies:g}"
