"""The GPU unit model: tiled matrix products in waves over SMs, streaming kernels, attention, launches."""

from __future__ import annotations

import numpy as np
from pydantic import ConfigDict, NonNegativeFloat, PositiveFloat, PositiveInt

from mapper.hw.work import Cost, DType, Feed, UnitModel, Work
from targets.models.blocks import Efficiency, NumberType, PerType
from targets.models.rates import (
    FREE_COST,
    MATRIX_KINDS,
    OPAQUE,
    ceil_div,
    energy,
    is_static,
    kv_bytes,
    lane_dtype,
    limit,
    nothing,
    softmax_flops,
    ticks_of,
    traffic_of,
    visible_part,
)
from targets.models.tiles import TileFigures, gemm_seconds


class Gpu(UnitModel):
    """A GPU or a GPU-like tile (COST_MODELS, "GPU, CPU, TPU-like units"). Peaks are dense, a MAC counting two."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    sms: PositiveInt
    """Streaming multiprocessors (compute units): blocks of a kernel run in waves over them."""
    clock_hz: PositiveFloat
    matrix_ops_per_s: PerType
    """Dense peak of the matrix cores of the whole unit, by type."""
    vector_ops_per_s: PerType
    """Peak of the ordinary lanes of the whole unit, by type."""
    native: NumberType = DType.F16
    """Type of matrix products when no precision is asked for; all else runs in f16."""
    efficiency: Efficiency = Efficiency()
    """Reached parts of the peaks; `matmul` and `memory` are the fitted ec and eb of the tile model."""
    launch_s: NonNegativeFloat = 5e-6
    """Floor of one kernel: launch and drain."""
    l2_bytes: PositiveInt
    l2_bytes_per_cycle_per_sm: PositiveFloat = 64.0
    overlap: PositiveFloat = 4.0
    """Exponent p of the soft maximum over compute, DRAM and L2 time; large is a hard maximum."""
    k_overhead: NonNegativeFloat = 64.0
    """Prologue and epilogue of one tile, in steps of k."""
    l2_reach: PositiveFloat = 1.0
    """Operands up to this many times `l2_bytes` are found in L2 by half."""
    split_s: NonNegativeFloat = 1e-6
    """Extra cost of each further split of k."""
    wave_share: NonNegativeFloat = 0.5
    """1: waves are whole (ceil); 0: waves overlap perfectly."""
    energy_pj_per_op: PerType
    """Energy of one operation by type, registers and shared memory included."""
    l2_energy_pj_per_bit: NonNegativeFloat = 0.0
    launch_energy_pj: NonNegativeFloat = 0.0
    error_band: PositiveFloat = 0.25

    def why_not(self, work: Work) -> str | None:
        return OPAQUE if work.kind == "opaque" else None

    def compute_dtype(self, work: Work, wanted: DType | None) -> DType | None:
        if work.kind in MATRIX_KINDS:
            own = self.native if is_static(work) or not self.matrix_ops_per_s.of(DType.F16) else DType.F16
            chosen = wanted or own
            if work.kind == "attention" and not chosen.is_float:  # softmax keeps scores and probabilities in floats
                chosen = DType.F16
            return chosen if self.matrix_ops_per_s.of(chosen) else None
        return lane_dtype(work, wanted, self.vector_ops_per_s.table(), DType.F16)

    def peak_ops_per_s(self) -> dict[DType, float]:
        return self.matrix_ops_per_s.table()

    def cost(self, work: Work, feed: Feed) -> Cost:
        """Time of the kernel by kind, plus the launch unless the work is fused."""
        if nothing(work):
            return FREE_COST
        match work.kind:
            case "attention":
                parts = self._attention(work, feed)
            case "matmul" | "conv" | "rnn":
                parts = self._product(work, feed)
            case _:
                parts = self._stream(work, feed)
        parts["kernel launch"] = 0.0 if work.fused else self.launch_s
        traffic = traffic_of(work, feed)
        return Cost(
            ticks=ticks_of(max(t for part, t in parts.items() if part != "kernel launch") + parts["kernel launch"]),
            energy_pj=energy(
                {
                    "compute": work.flops * self.energy_pj_per_op.near(work.dtype),
                    "l2": 8 * work.bytes() * self.l2_energy_pj_per_bit,
                    "launch": 0.0 if work.fused else self.launch_energy_pj,
                }
            ),
            data_bytes=traffic.data,
            weight_bytes=traffic.weights,
            limited_by=limit(parts),
            band=self.error_band,
        )

    def _product(self, work: Work, feed: Feed) -> dict[str, float]:
        """A product by the tile model; a recurrent one as `steps` products one after the other."""
        steps = work.dim("steps")
        memory = traffic_of(work, feed).seconds(feed, self.efficiency.memory)
        bytes_moved = max(1, work.bytes())
        figures = TileFigures(
            sms=self.sms,
            ops_per_s=self.matrix_ops_per_s.near(work.dtype),
            bytes_per_s=bytes_moved / max(memory, 1e-15),  # both feeds and the reached part are in it
            l2_bytes=self.l2_bytes,
            l2_bytes_per_s=self.l2_bytes_per_cycle_per_sm * self.sms * self.clock_hz,
            compute_efficiency=self.efficiency.matmul,
            memory_efficiency=1.0,
            overlap=self.overlap,
            k_overhead=self.k_overhead,
            l2_reach=self.l2_reach,
            split_s=self.split_s,
            wave_share=self.wave_share,
        )
        batch = work.dim("batch") * work.dim("groups")
        sizes = (ceil_div(work.dim("m"), steps), work.dim("n"), work.dim("k"), batch, bytes_moved / steps)
        m, n, k, copies, moved = (np.array([float(size)]) for size in sizes)
        seconds = steps * float(gemm_seconds(m, n, k, copies, moved, work.dtype.bits / 8, figures)[0])
        return {"memory bandwidth" if memory > 0.5 * seconds else "matrix cores": seconds}

    def _attention(self, work: Work, feed: Feed) -> dict[str, float]:
        """Products over the visible pairs in waves of blocks of 128 query rows; a cache read by few rows is split.

        Query heads of one KV head share a block; up to 128 rows in all, the cache is split by 128 tokens (flash
        decoding). No block is quicker than its own share of one SM (COST_MODELS, "Attention").
        """
        kv_heads, kv = work.dim("kv_heads"), max(1, work.dim("kv"))
        query_rows = work.dim("q") * ceil_div(work.dim("heads"), kv_heads)
        tokens = min(kv, 128) if query_rows <= 128 else kv
        groups = work.dim("batch") * kv_heads * ceil_div(query_rows, 128)
        waves = ceil_div(groups * ceil_div(kv, tokens), self.sms)
        alone = tokens / kv / groups  # the part of all arithmetic in one block
        matrix = self.matrix_ops_per_s.near(work.dtype) * self.efficiency.attention
        lanes = self.vector_ops_per_s.near(work.dtype) * self.efficiency.vector
        whole = visible_part(work) * (work.flops / matrix + softmax_flops(work) / lanes)
        memory = traffic_of(work, feed).seconds(feed, self.efficiency.memory)
        cache = min(1.0, kv_bytes(work) / max(1, work.bytes()))
        block = memory * ((1 - cache) / groups + cache * alone)
        return {
            "matrix cores": max(whole, whole * alone * self.sms * waves),
            "memory bandwidth": max(memory, block * self.sms),
        }

    def _stream(self, work: Work, feed: Feed) -> dict[str, float]:
        """Element-by-element kernels: operations on the lanes against bytes, of which L2 keeps the small ones."""
        lanes = self.vector_ops_per_s.near(work.dtype) * self.efficiency.vector
        memory = traffic_of(work, feed).seconds(feed, self.efficiency.memory)
        return {"vector lanes": work.flops / lanes, "memory bandwidth": memory}
