"""The bars of benchmarks/fidelity.py: how wrong a price may be on rows that no constant was fitted on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table by what it is of."""

    source: str
    device: str
    op: str


@dataclass(frozen=True, slots=True)
class Bar:
    """The most that the mean absolute error of some lines may be, in percent; `kind` says which error that is.

    held-out: points of the split that were not fitted. left-out: all points of a device, by constants of the others,
    as the mean over devices. probes: collectives of a fabric of which two times are known, as the mean over fabrics.
    rate: figures of macros. layer: one layer of a model through compile. joules: energy at the
    wall of the answers of a machine. not-yet: nothing here measures it. `bias` is
    the most that the mean error may be, of either sign, where that is part of the bar.
    """

    what: str
    limit: float
    kind: str
    of: Callable[[Line], bool] = lambda line: False
    note: str = ""
    bias: float | None = None


def _product(line: Line) -> bool:
    return line.op.split()[0] in ("gemm", "linear", "bmm")


def _collective(line: Line) -> bool:
    return " x" in line.op and "over nodes" not in line.device


def _gpu_product(line: Line) -> bool:
    return _product(line) and not line.device.startswith(("TPU", "Raspberry", "iPhone"))


def _line(source: str, device: str, *ops: str) -> Callable[[Line], bool]:
    return lambda line: (line.source, line.device) == (source, device) and line.op in ops


_AIC = "aiconfigurator"

BARS = (
    Bar("Vidur linear layers, A100, models not fitted", 6, "held-out", _line("vidur", "a100", "linear f16")),
    Bar("Vidur linear layers, H100, models not fitted", 8, "held-out", _line("vidur", "h100", "linear f16")),
    Bar("AIConfigurator GEMM bf16, A100, shapes not fitted", 10, "held-out", _line(_AIC, "a100_sxm", "gemm bf16")),
    Bar("AIConfigurator GEMM bf16, H100, shapes not fitted", 9, "held-out", _line(_AIC, "h100_sxm", "gemm bf16")),
    Bar("GEMM on devices never fitted, mean over devices", 18, "left-out", _gpu_product),
    Bar("attention prefill, shapes not fitted", 8, "held-out",
        lambda line: line.source == _AIC and line.op.startswith("prefill")),
    Bar("attention decode, shapes not fitted", 12, "held-out",
        lambda line: line.source == _AIC and line.op.startswith("decode")),
    Bar("attention on a device not fitted, bf16", 20, "left-out",
        lambda line: line.op in ("prefill bf16", "decode bf16")),
    Bar("collectives, sizes not fitted", 8, "held-out", _collective),
    Bar("collectives, new fabric with two probes", 12, "probes"),
    Bar("TPU and NPU GEMM", 10, "held-out", lambda line: line.device.startswith("TPU") and _product(line)),
    Bar("CIM macros, peak TOPS", 5, "rate", lambda line: line.op == "TOPS"),
    Bar("CIM macros, TOPS/W", 15, "rate", lambda line: line.op == "TOPS/W"),
    Bar("GPT end to end, FasterTransformer, models not fitted", 10, "held-out",
        lambda line: line.source == "fastertransformer" and line.op.startswith("request GPT"),
        note="and mean error within 5 %", bias=5),
    Bar("GPT-3 175B layer on 4 x A100, prefill, through compile", 6, "layer"),
    Bar("MLPerf and TensorRT-LLM throughput, models and devices not fitted", 20, "held-out",
        lambda line: line.op.startswith("serve ")),
    Bar("J per token at the wall, each model by constants of the others", 15, "joules"),
)  # fmt: skip
