"""Targets as servers run them: what a kernel library for one model fuses or writes otherwise than a framework."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mapper.hw.target import Target, Unit
from mapper.hw.work import DType
from targets.models.cpu import Cpu
from targets.models.gpu import Gpu

FUSED = {"quantise": 0.0, "launch_s": 0.0}
"""A narrow product alone quantises its left operand in a kernel of its own, which its constants hold; in servers the
norm or activation before it does."""

WIDE_LOADS = ("norm_cycles", "layer_cycles", "embedding_cycles")
"""Kernels of frameworks that load one element at a time or one row after the other; those of servers take 16 bytes as
elementwise kernels do (TensorRT-LLM, cpp/kernels/rmsnormKernels.cu, layernormKernels.cu)."""


class Narrow(Gpu):
    """A GPU whose kernels hand on activations in the type of its products (TensorRT's encoders in 8 bits)."""

    def activation_dtype(self) -> DType:
        return self.native if self.native.bits < DType.F16.bits else DType.F16


def decoding(target: Target, weights: DType) -> Target:
    """The target with products in a type, as servers of decoders run it: activations between kernels have 16 bits."""
    return _changed(target, Gpu, weights)


def encoding(target: Target, weights: DType) -> Target:
    """The same for encoders: activations are as narrow as products, and attention takes queries, keys and values as the
    product before it leaves them."""
    return _changed(target, Narrow, weights, preparation=0.0)


def on_cores(target: Target) -> Target:
    """The target whose CPUs hand on activations in the 16 bits of their matrix units, as its GPUs do."""

    def changed(unit: Unit) -> Unit:
        model = unit.model
        if not isinstance(model, Cpu) or model.matmul_dtype.bits != DType.BF16.bits:
            return unit
        return replace(unit, model=model.scaled(vector_dtype=model.matmul_dtype))

    return replace(target, units=tuple(map(changed, target.units)))


def _changed(target: Target, model: type[Gpu], weights: DType, **prompts: float) -> Target:
    def changed(unit: Unit) -> Unit:
        if not isinstance(unit.model, Gpu):
            return unit
        figures: dict[str, Any] = unit.model.model_dump()
        products, prefill, stream = figures["products"], figures["prefill"], figures["stream"]
        narrow = {name: {**products[name], **FUSED} for name in ("f8", "f4", "i8") if products[name]}
        figures |= {
            "native": weights,
            "products": {**products, **narrow},
            "prefill": {name: {**fit, **prompts} for name, fit in prefill.items()},
            "stream": {**stream, **dict.fromkeys(WIDE_LOADS, stream["plain_cycles"])},
        }
        return replace(unit, model=model.model_validate(figures))

    return replace(target, units=tuple(map(changed, target.units)))
