"""Comparisons made by hand, to rank and to print."""

from __future__ import annotations

from typing import Any

from builders import tiny_graph, tiny_target

from mapper.comparison.answers import FOUND, REFUSED, Answer
from mapper.comparison.comparison import Comparison
from mapper.comparison.machines import Machine
from mapper.frontend.load import Imported

ASKED = {"model": "tiny.onnx", "objective": "throughput", "limits": [], "effort": "quick", "seed": 0}


def found(target: str, rate: float, joules: float = 0.5, band: float = 0.1, **changes: Any) -> Answer:
    """A plan of so many requests of ten tokens a second and so many joules each, all bands alike."""
    row = {
        "throughput_per_s": rate,
        "tokens_per_s": 10 * rate,
        "ttft_s": 0.01,
        "tpot_s": None,
        "latency_s": 0.02,
        "energy_per_token_j": joules / 10,
        "energy_j": joules,
        "average_power_w": rate * joules,
        "power_limit_w": 100.0,
        "value": rate,
        "gap": 0.02,
        "status": "feasible",
        "bands": {
            name: {"low": x / (1 + band), "high": x * (1 + band), "relative": band}
            for name, x in (("throughput_per_s", rate), ("latency_s", 0.02), ("energy_j", joules))
        },
        "limited_by": [{"what": f"matmul on {target}", "part": 0.75}],
    }
    return Answer(target, FOUND, {**row, **changes}, 1.5)


def refused(target: str) -> Answer:
    """A target that is too small."""
    row = {"reason": f"tiny does not fit {target}", "details": ["needs 2 GB; has 1 GB"], "levers": "a second memory"}
    return Answer(target, REFUSED, row, 0.1)


def comparison(*answers: Answer) -> Comparison:
    """The answers to one question about throughput."""
    machines = tuple(Machine(a.target, tiny_target(name=a.target)) for a in answers)
    return Comparison(Imported(tiny_graph(), (), (), "0", 17, 0.0), ASKED, machines, answers)
