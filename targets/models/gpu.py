"""The GPU unit model: tiled matrix products in waves over SMs, streaming kernels, attention, launches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from mapper.hw.work import TICKS_PER_SECOND, Cost, DType, Feed, Role, UnitModel, Work
from targets.models.blocks import ErrorBand, ErrorBands, Fitted, NumberType, PerType
from targets.models.decode import decode_seconds
from targets.models.decode_grid import DecodeDevice, DecodeFit, steps_of
from targets.models.flash import PrefillDevice, PrefillFits, is_prompt, prefill_seconds
from targets.models.rates import (
    FREE_COST,
    MATRIX_KINDS,
    PRODUCTS,
    ceil_div,
    energy,
    is_static,
    lane_dtype,
    limit,
    not_known,
    nothing,
    ticks_of,
    traffic_of,
)
from targets.models.stream import StreamDevice, StreamFit, stream_seconds, streams
from targets.models.tiles import Products, TileDevice, TileFits, gemm_seconds, launch_seconds


class GpuEfficiency(Fitted):
    """The part of a peak that no fit of a kernel gives."""

    vector: PositiveFloat = 0.5
    """Of the lanes, in kernels that are neither products nor attention; assumed."""


class Gpu(UnitModel):
    """A GPU or a GPU-like tile (COST_MODELS, "GPU, CPU, TPU-like units"). Peaks are dense, a MAC counting two.

    The constants of products are fitted by benchmarks/fit_gemm.py; a unit file without them takes the joint fit.
    """

    sms: PositiveInt
    """Streaming multiprocessors (compute units): blocks of a kernel run in waves over them."""
    clock_hz: PositiveFloat
    matrix_ops_per_s: PerType
    """Dense peak of the matrix cores of the whole unit, by type."""
    vector_ops_per_s: PerType
    """Peak of the ordinary lanes of the whole unit, by type."""
    native: NumberType = DType.F16
    """Type of matrix products when no precision is asked for; all else runs in f16."""
    efficiency: GpuEfficiency = GpuEfficiency()
    """Reached parts of the peaks in kernels other than products."""
    products: TileFits = TileFits()
    """Fitted constants of matrix products by number type."""
    prefill: PrefillFits = PrefillFits()
    """Fitted constants of attention over many query rows, by number type."""
    stream: StreamFit = StreamFit()
    """Fitted constants of kernels that are no product and no attention."""
    decode: DecodeFit = DecodeFit()
    """Fitted constants of attention of the next tokens against a cache."""
    launch_gap_s: NonNegativeFloat = 0.0
    """Time between the end of a kernel and the start of the next that depends on it. 0 is the time of kernels alone, as
    profilers measure it and as `mapper cost` prices rows; about 1e-6 in a captured graph, about 8e-6 where a program
    launches kernels one by one (FasterTransformer on A100: COST_MODELS, "GPU, CPU, TPU-like units")."""
    shared_bytes: PositiveInt = 101_376
    """Shared memory that one block may have; 99 KiB on Ada, Blackwell without HBM, and Ampere without HBM (CUDA C++
    Programming Guide, technical specifications by compute capability)."""
    l2_bytes: PositiveInt
    l2_bytes_per_s: PositiveFloat
    """Bandwidth of the L2; where it was never measured three times that of the memory, as on the GPUs that were."""
    l2_partitions: PositiveInt = 1
    """Parts of the L2 that keep copies of their own of what their SMs read (A100 and H100: two)."""
    board_power_w: NonNegativeFloat = 0.0
    """Power limit of the board with its memory; with `process_nm` it may limit long arithmetic. 0: unknown."""
    process_nm: NonNegativeFloat = 0.0
    """Process of the chip; 0: unknown."""
    energy_pj_per_op: PerType
    """Energy of one operation by type, registers and shared memory included."""
    l2_energy_pj_per_bit: NonNegativeFloat = 0.0
    active_w: NonNegativeFloat = 0.0
    """Power of clocks, schedulers and caches while a kernel runs, whatever it does, beyond `idle_power_w`."""
    launch_energy_pj: NonNegativeFloat = 0.0
    opaque: bool = False
    """Whether it runs ops whose program the mapper does not know (kind `opaque`)."""
    error_band: ErrorBand = ErrorBands(assumed=0.57)
    """Of a GPU never measured: nine in ten points of measured ones by others' constants (benchmarks/fit_bands.py)."""

    def why_not(self, work: Work) -> str | None:
        return not_known(work, self.opaque)

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
        return self.costs([work], feed)[0]

    def costs(self, works: Sequence[Work], feed: Feed) -> Sequence[Cost]:
        """Products of one number type are priced together, so are prompts, decode steps, and all other kernels."""
        products: defaultdict[tuple[DType, DType | None], list[int]] = defaultdict(list)
        prompts: defaultdict[DType, list[int]] = defaultdict(list)
        steps: list[int] = []
        rest: list[int] = []
        for i, work in enumerate(works):
            if nothing(work):
                continue
            if work.kind in PRODUCTS:
                products[_types(work)].append(i)
            elif work.kind not in MATRIX_KINDS:
                rest.append(i)
            elif is_prompt(work):
                prompts[work.dtype].append(i)
            else:
                steps.append(i)
        found: dict[int, Cost] = {}
        if rest:
            found.update(zip(rest, self._stream_costs([works[i] for i in rest], feed), strict=True))
        parts: dict[int, dict[str, float]] = {}
        for indices in products.values():
            parts |= zip(indices, self._products([works[i] for i in indices], feed), strict=True)
        for dtype, indices in prompts.items():
            parts |= zip(indices, self._prompts([works[i] for i in indices], feed, dtype), strict=True)
        if steps:
            parts |= zip(steps, self._decodes([works[i] for i in steps], feed), strict=True)
        found |= {i: self._total(works[i], feed, named) for i, named in parts.items()}
        return [found.get(i, FREE_COST) for i in range(len(works))]

    def _total(self, work: Work, feed: Feed, parts: dict[str, float]) -> Cost:
        """Parts that overlap, and the launch before them unless the work is fused."""
        parts["kernel launch"] = 0.0 if work.fused else parts["kernel launch"] + self.launch_gap_s
        seconds = max(t for part, t in parts.items() if part != "kernel launch") + parts["kernel launch"]
        return self._priced(work, feed, seconds, limit(parts))

    def _priced(self, work: Work, feed: Feed, seconds: float, limited_by: str) -> Cost:
        """The cost of the work that takes so long."""
        traffic = traffic_of(work, feed)
        return self.error_band.on(
            work,
            Cost(
                ticks=ticks_of(seconds),
                energy_pj=energy(
                    {
                        "compute": work.flops * self.energy_pj_per_op.near(work.dtype),
                        "l2": 8 * work.bytes() * self.l2_energy_pj_per_bit,
                        "active": self.active_w * seconds * TICKS_PER_SECOND,  # 1 W is 1 pJ a tick
                        "launch": 0.0 if work.fused else self.launch_energy_pj,
                    }
                ),
                data_bytes=traffic.data,
                weight_bytes=traffic.weights,
                limited_by=limited_by,
            ),
        )

    def _products(self, works: Sequence[Work], feed: Feed) -> list[dict[str, float]]:
        """Products that are all of the same number types by the tile model, each time under the name of what limits it,
        and the launch; a recurrent one is `steps` products one after the other."""
        dtype, weight = _types(works[0])
        device, fit = self.tile_device(dtype), self.products.of(dtype, weight)
        steps = np.array([work.dim("steps") for work in works], dtype=np.float64)
        shapes = np.array([shape_of(work, feed) for work in works], dtype=np.float64).T
        times = steps * gemm_seconds(Products(*shapes), device, fit)
        memory = [traffic_of(work, feed).seconds(feed, fit.memory) for work in works]
        launch = launch_seconds(device, fit)
        return [
            {"memory bandwidth" if moving > 0.5 * seconds else "matrix cores": seconds, "kernel launch": launch}
            for moving, seconds in zip(memory, times.tolist(), strict=True)
        ]

    def tile_device(self, dtype: DType) -> TileDevice:
        """What the tile model needs from the data sheet."""
        return TileDevice(
            sms=self.sms,
            clock_hz=self.clock_hz,
            ops_per_s=self.matrix_ops_per_s.near(dtype),
            l2_bytes=self.l2_bytes / self.l2_partitions,
            l2_bytes_per_s=self.l2_bytes_per_s,
            lanes=self.products.on_lanes(dtype),
            watts_per_nm=self.board_power_w / self.process_nm if self.process_nm else 0.0,
        )

    def stream_device(self) -> StreamDevice:
        """What the model of streaming kernels needs from the data sheet."""
        return StreamDevice(
            sms=self.sms,
            clock_hz=self.clock_hz,
            l2_bytes=self.l2_bytes,
            l2_bytes_per_s=self.l2_bytes_per_s,
            lane_ops_per_s=self.vector_ops_per_s,
            lanes=self.efficiency.vector,
        )

    def _prompts(self, works: Sequence[Work], feed: Feed, dtype: DType) -> list[dict[str, float]]:
        """Prompts in blocks of their rows, in arithmetic of one type; each part by its name."""
        fit = self.prefill.of(dtype)
        device = self.prefill_device(dtype, feed.data)
        compute, traffic = prefill_seconds(works, device, fit, self.decode.memory * feed.data)
        return [
            {"matrix cores" if one >= two else "memory bandwidth": one + two, "kernel launch": fit.launch_s}
            for one, two in zip(compute.tolist(), traffic.tolist(), strict=True)
        ]

    def prefill_device(self, dtype: DType, bytes_per_s: float) -> PrefillDevice:
        """What the model of prompts needs from the data sheet."""
        return PrefillDevice(
            sms=self.sms,
            clock_hz=self.clock_hz,
            ops_per_s=self.matrix_ops_per_s.near(dtype),
            bytes_per_s=bytes_per_s,
            l2_bytes=self.l2_bytes,
            board_power_w=self.board_power_w,
        )

    def _decodes(self, works: Sequence[Work], feed: Feed) -> list[dict[str, float]]:
        """The next tokens against caches: each time under the name of what limits it, and the launch. Several rows may
        as well run in the kernel of prompts, if that is quicker."""
        times = decode_seconds(steps_of(works), self.decode_device(feed.data), self.decode)
        parts = [
            {"memory bandwidth" if traffic > 0.5 * total else "latency of blocks": total, "kernel launch": launch}
            for total, traffic, launch in zip(*(part.tolist() for part in times), strict=True)
        ]
        several: defaultdict[DType, list[int]] = defaultdict(list)
        for i, work in enumerate(works):
            if work.dim("q") > 1:
                several[work.dtype].append(i)
        for dtype, indices in several.items():
            for i, other in zip(indices, self._prompts([works[i] for i in indices], feed, dtype), strict=True):
                parts[i] = min(parts[i], other, key=lambda named: sum(named.values()))
        return parts

    def decode_device(self, bytes_per_s: float) -> DecodeDevice:
        """What the model of decode steps needs from the data sheet."""
        return DecodeDevice(
            sms=self.sms,
            clock_hz=self.clock_hz,
            bytes_per_s=bytes_per_s,
            l2_bytes=self.l2_bytes,
            shared_bytes=self.shared_bytes,
        )

    def _stream_costs(self, works: Sequence[Work], feed: Feed) -> list[Cost]:
        """All other kernels by the model of bytes and SM work."""
        device = self.stream_device()
        traffic, busy, seconds = stream_seconds(streams(works, feed, device), device, self.stream)
        rows = zip(works, traffic.tolist(), busy.tolist(), seconds.tolist(), strict=True)
        return [self._streamed(work, feed, *times) for work, *times in rows]

    def _streamed(self, work: Work, feed: Feed, traffic: float, busy: float, seconds: float) -> Cost:
        """One of them; what is neither traffic nor work of the SMs is its launch."""
        parts = {"memory bandwidth": traffic, "vector lanes": busy, "kernel launch": seconds - max(traffic, busy)}
        return self._priced(work, feed, seconds + (0.0 if work.fused else self.launch_gap_s), limit(parts))


def _types(work: Work) -> tuple[DType, DType | None]:
    """The types of a product that its constants depend on: of the arithmetic, and of the weight if it has one."""
    weight = work.weight  # looked up once: it is a search through the operands
    return work.dtype, weight.dtype if weight else None


def shape_of(work: Work, feed: Feed) -> tuple[float, ...]:
    """One step of a product as the fields of Products: weights may be narrower than the arithmetic, and both feeds are
    in the bandwidth."""
    steps, moved = work.dim("steps"), max(1, work.bytes())
    dtype, weight = _types(work)
    bits = min(dtype.bits, (weight or dtype).bits)
    return (
        ceil_div(work.dim("m"), steps),
        work.dim("n"),
        work.dim("k"),
        work.dim("batch") * work.dim("groups"),
        moved / steps,
        dtype.bits / 8,
        bits / 8,
        moved / max(traffic_of(work, feed).seconds(feed), 1e-15),
        work.bytes(Role.WEIGHT),
    )
