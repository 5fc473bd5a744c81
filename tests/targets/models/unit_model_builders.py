"""Works and units for the tests of the unit models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mapper.hw.work import DType, Operand, Role, UnitModel, Work
from targets.models.cim_analog import CimAnalog
from targets.models.cim_digital import CimDigital
from targets.models.cpu import Cpu
from targets.models.gpu import Gpu
from targets.models.systolic import Systolic
from targets.models.vector import Vector

ACT, WEIGHT, STATE = Role.ACTIVATION, Role.WEIGHT, Role.STATE


def matmul(m: int, n: int, k: int, *, dtype: DType = DType.I8, batch: int = 1, static: bool = True) -> Work:
    """Activations m x k times a weight (or, not static, another activation) k x n; activations in f16."""
    right = Operand(WEIGHT, k * n, dtype) if static else Operand(ACT, batch * k * n, DType.F16)
    return Work(
        "matmul",
        (("batch", batch), ("m", m), ("n", n), ("k", k)),
        (Operand(ACT, batch * m * k, DType.F16), right),
        (Operand(ACT, batch * m * n, DType.F16),),
        dtype,
    )


def conv(m: int, n: int, k: int, *, groups: int = 1, dtype: DType = DType.I8) -> Work:
    """A convolution as im2col: m windows of k inputs to n outputs in each group; windows do not overlap."""
    return Work(
        "conv",
        (("groups", groups), ("m", m), ("n", n), ("k", k)),
        (Operand(ACT, groups * m * k, DType.F16), Operand(WEIGHT, groups * k * n, dtype)),
        (Operand(ACT, groups * m * n, DType.F16),),
        dtype,
    )


def attention(
    q: int, kv: int, *, batch: int = 1, heads: int = 12, kv_heads: int = 12, dim: int = 64, dtype: DType = DType.F16
) -> Work:
    """Causal attention over a cache of kv tokens."""
    dims = {
        "batch": batch, "heads": heads, "kv_heads": kv_heads, "q": q, "kv": kv, "pairs": q * kv,
        "head_dim": dim, "v_dim": dim, "causal": 1,
    }  # fmt: skip
    rows = Operand(ACT, batch * heads * q * dim, DType.F16)
    cache = Operand(STATE, batch * kv_heads * kv * dim, DType.F16)
    return Work("attention", tuple(dims.items()), (rows, cache, cache), (rows,), dtype)


def lanes(kind: str, elements: int, flops: int = 1, dtype: DType = DType.F16) -> Work:
    """An op that is no product, one operand in and one out."""
    operand = Operand(ACT, elements, DType.F16)
    return Work(kind, (("elements", elements), ("flops", flops)), (operand,), (operand,), dtype)


def embedding(rows: int, width: int) -> Work:
    """Rows of a table in f16."""
    table, out = Operand(WEIGHT, rows * width, DType.F16), Operand(ACT, rows * width, DType.F16)
    return Work(
        "embedding", (("rows", rows), ("width", width), ("elements", rows * width)), (table,), (out,), DType.F16
    )


def lstm(steps: int, hidden: int) -> Work:
    """One LSTM layer, batch 1."""
    return Work(
        "rnn",
        (("groups", 1), ("m", steps), ("n", 4 * hidden), ("k", 2 * hidden), ("steps", steps)),
        (Operand(ACT, steps * hidden, DType.F16), Operand(WEIGHT, 8 * hidden * hidden, DType.I8)),
        (Operand(ACT, steps * hidden, DType.F16),),
        DType.I8,
    )


VIEW = Work("view", (("elements", 0), ("flops", 0)), (), (), DType.F16)
OPAQUE = lanes("opaque", 1000)


def isaac(**changes: Any) -> CimAnalog:
    """ISAAC-CE (Shafiee et al., ISCA 2016): 16-bit weights in 2-bit cells, 1-bit inputs, one 1.28 GS/s ADC an array."""
    figures: dict[str, Any] = {
        "arrays": 16128, "rows": 128, "columns": 128, "cell_bits": 2, "dac_bits": 1, "adc_bits": 8, "adcs_per_array": 1,
        "read_time_s": 100e-9, "adc_time_s": 0.78125e-9,
        "energy_pj": {"adc_conversion": 1.667, "dac_row": 0.417, "shift_add": 0.021, "buffer_per_bit": 0.08},
        "write": {"latency_s": 8.52e-6, "energy_pj": 8, "endurance": 1e6},
        "computes": {"matmul": {"weights": "int16", "inputs": "int16", "static_weights_only": True}},
        "vector": {"lanes": 64, "clock_hz": 1e9, "energy_pj_per_op": 1.0},
        "buffer": {"capacity_bytes": 4 << 20, "bandwidth_bytes_per_s": 256e9, "energy_pj_per_bit": 0.2},
    }  # fmt: skip
    return CimAnalog.model_validate({**figures, **changes})


INT8 = {"matmul": {"weights": "int8", "inputs": "int8"}}


def metis(**changes: Any) -> CimDigital:
    """Axelera Metis (ISSCC 2024, 11.3): four cores of 512 x 512 int8 weights, bit-serial, four weight sets."""
    figures: dict[str, Any] = {
        "arrays": 4, "rows": 512, "columns": 512, "weight_bits": 8, "banks": 4, "bits_per_cycle": 1, "clock_hz": 0.8e9,
        "energy_pj": {"mac": 0.1}, "write": {"latency_s": 1.25e-9, "energy_pj_per_bit": 0.0016},
        "vector": {"lanes": 64, "clock_hz": 0.8e9, "kinds": ["elementwise", "cast", "softmax"]},
    }  # fmt: skip
    return CimDigital.model_validate({**figures, **changes})


A100_PRODUCTS = {
    "launch_cycles": 5090, "compute": 0.979, "memory": 0.691, "overlap": 3.68, "k_overhead": 187, "l2_reach": 0.904,
    "l2": 0.839, "split_cycles": 843, "ops_per_byte": 41, "throttle": 0.34, "throttle_s": 0.000324,
}  # fmt: skip


A100_STREAM = {
    "launch_s": 2.27e-6, "memory": 0.873, "l2": 0.793, "l2_reach": 0.758, "plain_cycles": 0.216,
    "gated_cycles": 0.864, "rotary_cycles": 0.621, "norm_cycles": 0.546, "layer_cycles": 0.278,
    "softmax_cycles": 0.605, "warp_cycles": 0.544, "embedding_cycles": 1.93, "layer_s": 3.42e-6,
    "serial_row_s": 6.68e-7, "element_s": 5.62e-10, "layer_reach": 0.126, "softmax_reach": 0.557,
}  # fmt: skip


def a100() -> Gpu:
    """A100 SXM with the constants of benchmarks/fit_gemm.py and fit_stream.py."""
    return Gpu.model_validate(
        {
            "sms": 108, "clock_hz": 1.41e9, "matrix_ops_per_s": {"f16": 312e12, "bf16": 312e12, "i8": 624e12},
            "vector_ops_per_s": {"f32": 19.5e12, "f16": 39e12}, "l2_bytes": 40_000_000,
            "l2_bytes_per_s": 6e12, "l2_partitions": 2,
            "products": {"f16": A100_PRODUCTS}, "energy_pj_per_op": {"f16": 0.6, "f32": 1.5},
            "stream": A100_STREAM,
        }
    )  # fmt: skip


def tpu_like(**changes: Any) -> Systolic:
    """A 128 x 128 systolic array with 256 lanes."""
    figures: dict[str, Any] = {
        "rows": 128, "columns": 128, "clock_hz": 1e9, "rate": {"i8": 1.0, "f16": 0.5}, "sram_bytes": 8 << 20,
        "energy_pj_per_mac": {"i8": 0.1, "f16": 0.5}, "sram_energy_pj_per_bit": 0.2,
        "vector": {"lanes": 256, "clock_hz": 1e9, "kinds": ["elementwise", "cast", "norm", "softmax", "reduce"]},
    }  # fmt: skip
    return Systolic.model_validate({**figures, **changes})


def simd() -> Vector:
    """512 FMA lanes."""
    return Vector.model_validate(
        {
            "lanes": 512, "clock_hz": 1e9, "rate": {"f16": 2, "f32": 1, "i8": 4}, "sram_bytes": 2 << 20,
            "energy_pj_per_op": {"f16": 0.5},
        }
    )  # fmt: skip


def server_cpu() -> Cpu:
    """Eight cores with two 512-bit FMA ports."""
    return Cpu.model_validate(
        {
            "cores": 8, "clock_hz": 2.5e9, "matrix_ops_per_cycle": {"f32": 64, "bf16": 128, "i8": 256},
            "vector_ops_per_cycle": {"f32": 32}, "cache_bytes": 32 << 20, "cache_bandwidth_bytes_per_s": 400e9,
            "energy_pj_per_op": {"f32": 10},
        }
    )  # fmt: skip


UNITS: dict[str, UnitModel] = {
    "cpu": server_cpu(),
    "gpu": a100(),
    "systolic": tpu_like(),
    "systolic-buffered": tpu_like(dataflows=["weight-buffered"], arrays=4),
    "vector": simd(),
    "cim-analog": isaac(computes=INT8),
    "cim-digital": metis(allow_dynamic=True),
}


def simulated(loads: Sequence[float], each: float, banks: int) -> float:
    """When arithmetic in rounds ends, step by step: one load at a time, each into a bank that the arithmetic has left,
    and one round of arithmetic at a time, on what is loaded."""
    loaded, done = 0.0, [0.0] * banks
    for load in loads:
        loaded = max(loaded, done[-banks]) + load
        done.append(max(done[-1], loaded) + each)
    return done[-1]
