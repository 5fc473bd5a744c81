"""Time of attention over many query rows on a GPU: blocks of query rows on SMs, and the passes beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from mapper.hw.work import DType, Role, Work
from targets.models.blocks import Fitted

Array = NDArray[np.float64]

SHORT = 64
"""Positions up to which kernels with long steps give way to ones with short steps (TensorRT-LLM, fmhaRunner.cpp)."""

LEAST_BYTES = 2
"""Queries, keys, values and results are at least so wide outside the kernel; narrower ones are made before it."""

DRAFT = 8
"""Query rows of one sequence up to which libraries split its cache over blocks: a token and what speculation adds to
it. A longer chunk of a prompt runs in the kernel of prompts, however long its cache (LLMServingSim, RTX PRO 6000)."""

L2_EDGE = 6
"""Steepness of the step from operands that are found in the L2 to those that are not."""


class FlashKernel(Fitted):
    """One kernel: the head dimension that it is made for, its tile, and how fast it is."""

    head_dim: PositiveInt = 128
    rows: PositiveInt = 64
    """Query rows of a block."""
    step: PositiveInt = 128
    """Positions that a block sees at once; a multiple of `rows`, or `rows` of it."""
    full: PositiveFloat | None = None
    """Reached part of the peak while blocks abound; None where it was not measured, see `reached`."""
    alone: PositiveFloat = 634.0
    """Operations in one clock cycle of a block that has an SM to itself. Its four warps wait for each other, so that
    the peak matters less than the clock: A100, L40S and RTX PRO 6000 differ by 5 % in it, and by two in the peak."""
    block_cycles: NonNegativeFloat = 2070.0
    """Fixed clock cycles of a block: prologue and epilogue."""


def _brief(head_dim: int, step: int) -> FlashKernel:
    return FlashKernel(head_dim=head_dim, step=step, alone=290.0)


GENERIC = (_brief(64, 32), _brief(128, 32), _brief(192, 16), FlashKernel(head_dim=256))
"""The kernels that TensorRT-LLM runs on GPUs without the shared memory of an A100 (cpp/kernels/fmha_v2/setup.py)."""


class PrefillFit(Fitted):
    """The fitted constants of attention over many query rows (benchmarks/fit_attention.py).

    Defaults are one fit to A100, A6000, L40S and RTX PRO 6000 in 16 bits (benchmarks/fit_attention_joint.py), for GPUs
    that were never measured: 19 % mean error on each of the four by a fit to the others.
    """

    launch_s: NonNegativeFloat = 7.9e-6
    """Launch and drain, with those of the kernels before it."""
    tail: NonNegativeFloat = 0.56
    """The part of the longest block that SMs wait for at the end: blocks of a causal mask differ in length."""
    preparation: NonNegativeFloat = 1.0
    """Passes over queries, keys and values before the kernel: one turns, packs and stores them. 0 where the kernel
    takes them as they are."""
    exposed: NonNegativeFloat = 0.1
    """The part of reading queries and writing results that arithmetic does not hide."""
    memory: PositiveFloat = 0.56
    """Reached part of the bandwidth of the memory."""
    l2: PositiveFloat = 7.5
    """Bytes that an SM takes from the L2 per clock cycle while all do."""
    l2_reach: PositiveFloat = 1.32
    """Operands up to this part of the L2 are found in it by half."""
    softmax_cycles: NonNegativeFloat = 0.243
    """Clock cycles of an SM for each score, beside its products, in kernels whose `full` was not measured."""
    ops_per_joule: NonNegativeFloat = 4.84e11
    """Operations for each joule of the board in such kernels, where its power is known. 0: power is no limit."""
    kernels: tuple[FlashKernel, ...] = GENERIC
    """By head dimension; other sizes take the next larger one."""
    short: tuple[FlashKernel, ...] = ()
    """The same for at most SHORT positions, where there are others for those."""

    def kernel(self, head_dim: int, kv: int) -> FlashKernel:
        """The kernel for heads of that size and so many positions."""
        by_size = sorted((self.short if kv <= SHORT else ()) or self.kernels, key=lambda k: k.head_dim)
        return next((k for k in by_size if k.head_dim >= head_dim), by_size[-1])


NARROW = PrefillFit(
    launch_s=8.25e-06,
    tail=0.558,
    exposed=0.237,
    memory=0.627,
    l2=11.1,
    l2_reach=0.877,
    kernels=(
        FlashKernel(head_dim=64, rows=128, step=32, full=0.166, alone=467, block_cycles=9560),
        FlashKernel(head_dim=128, rows=64, step=32, full=0.402, alone=686, block_cycles=965),
        FlashKernel(head_dim=192, rows=64, step=32, full=0.335, alone=764, block_cycles=3930),
        FlashKernel(head_dim=256, rows=64, step=32, full=0.115, alone=323, block_cycles=6580),
    ),
)
"""The L40S, the one GPU measured in eight bits."""


class PrefillFits(Fitted):
    """Constants by number type."""

    f16: PrefillFit = PrefillFit()
    """bf16 and f32 as well."""
    f8: PrefillFit = NARROW
    """f4 as well."""

    def of(self, dtype: DType) -> PrefillFit:
        """The constants for arithmetic of the type."""
        return self.f8 if dtype.bits <= DType.F8.bits else self.f16


@dataclass(frozen=True, slots=True)
class PrefillDevice:
    """What a GPU is by its data sheet, for one number type, and the bandwidth of its data memory."""

    sms: int
    clock_hz: float
    ops_per_s: float
    bytes_per_s: float
    l2_bytes: float
    board_power_w: float


@dataclass(frozen=True, slots=True)
class Prompts:
    """Pieces of attention that one kernel computes, as arrays. `reach` is what a query sees of `kv` positions; `fresh`
    are bytes of queries and new keys and values as given, `packed` as the kernel takes them, `edges` those of queries
    and results, `cached` those of older keys and values."""

    blocks_of_rows: Array
    q: Array
    kv: Array
    reach: Array
    causal: Array
    width: Array
    fresh: Array
    packed: Array
    edges: Array
    cached: Array


def is_prompt(work: Work) -> bool:
    """Whether an attention is of a prompt or a chunk of one, rather than of the next tokens against a cache."""
    q = work.dim("q")
    return q > DRAFT or (q >= work.dim("kv") and all(o.role is not Role.STATE for o in work.inputs))


def prompts_of(works: Sequence[Work]) -> Prompts:
    """The sizes of pieces of attention work."""
    return Prompts(*np.array([_sizes(work) for work in works], dtype=np.float64).reshape(-1, 10).T)


def _sizes(work: Work) -> tuple[float, ...]:
    """The fields of Prompts for one work."""
    dims = dict(work.dims)
    batch, heads, q = dims.get("batch", 1), dims.get("heads", 1), dims.get("q", 1)
    kv, head_dim, v_dim = max(1, dims.get("kv", 1)), dims.get("head_dim", 1), dims.get("v_dim", 1)
    inner = work.dtype.bits / 8
    outer = max(LEAST_BYTES, inner)
    new = batch * dims.get("kv_heads", 1) * min(q, kv) * (head_dim + v_dim)
    queries, results = batch * heads * q * head_dim, batch * heads * q * v_dim
    return (
        batch * heads,
        q,
        kv,
        min(kv, dims.get("reach", kv)),
        float(q <= kv and (dims.get("causal", 0) or dims.get("reach", kv) < kv)),
        head_dim + v_dim,
        (queries + new) * outer,
        (queries + new) * inner,
        queries * inner + results * outer,
        sum(o.bytes for o in work.inputs if o.role is Role.STATE),
    )


def prefill_seconds(
    works: Sequence[Work], device: PrefillDevice, fit: PrefillFit, cached_bytes_per_s: float
) -> tuple[Array, Array]:
    """Seconds of the arithmetic without launch, and of what comes before and after it, for each work. Caches are read
    at the given rate at most."""
    kernels = [fit.kernel(work.dim("head_dim"), work.dim("kv")) for work in works]
    compute, traffic = np.zeros(len(works)), np.zeros(len(works))
    for kernel in dict.fromkeys(kernels):
        of = [i for i, k in enumerate(kernels) if k == kernel]
        prompts = prompts_of([works[i] for i in of])
        compute[of] = np.maximum(arithmetic_seconds(prompts, kernel, device, fit), prompts.cached / cached_bytes_per_s)
        traffic[of] = traffic_seconds(prompts, device, fit)
    return compute, traffic


def arithmetic_seconds(p: Prompts, kernel: FlashKernel, device: PrefillDevice, fit: PrefillFit) -> Array:
    """Seconds of the kernel: the work of all blocks spread over SMs, and a part of the longest block at the end.

    No kernel is quicker than its longest block, the last of a causal mask, alone on its SM.
    """
    rows, total, longest = steps(p, kernel)
    step_ops = 2 * kernel.rows * kernel.step * p.width
    step_s = step_ops * device.sms / (reached(p.width, kernel, device, fit) * device.ops_per_s)
    block_s = kernel.block_cycles / device.clock_hz
    load = p.blocks_of_rows * (total * step_s + rows * block_s) / device.sms
    slowest = longest * step_ops / (kernel.alone * device.clock_hz) + block_s
    filled = np.minimum(1.0, p.blocks_of_rows * rows / device.sms)
    seconds: Array = np.maximum(slowest, load + fit.tail * filled**2 * slowest)
    return seconds


def reached(width: Array, kernel: FlashKernel, device: PrefillDevice, fit: PrefillFit) -> Array:
    """The part of the peak while blocks abound. Where it was not measured, the matrix cores wait for the softmax of
    each score, and the power of the board may allow less."""
    if kernel.full is not None:
        return np.full_like(width, kernel.full)
    product_cycles = 2 * width * device.sms * device.clock_hz / device.ops_per_s
    part: Array = product_cycles / (product_cycles + fit.softmax_cycles)
    powered = device.board_power_w * fit.ops_per_joule / device.ops_per_s
    return np.minimum(part, powered) if powered else part


def traffic_seconds(p: Prompts, device: PrefillDevice, fit: PrefillFit) -> Array:
    """Seconds of the kernels beside it and of the bytes that it cannot hide."""
    prepared = fit.preparation * (p.fresh + p.packed)
    missed = 1 - 1 / (1 + (prepared / (fit.l2_reach * device.l2_bytes)) ** L2_EDGE)
    memory = fit.memory * device.bytes_per_s
    l2 = max(memory, fit.l2 * device.sms * device.clock_hz)
    seconds: Array = prepared * (missed / memory + (1 - missed) / l2) + fit.exposed * p.edges / memory
    return seconds


def steps(p: Prompts, kernel: FlashKernel) -> tuple[Array, Array, Array]:
    """Blocks of query rows of one head, and the steps over positions that all of them, and the longest, take."""
    rows = np.ceil(p.q / kernel.rows)
    past = np.maximum(0.0, p.kv - p.q)
    last = np.ceil(p.kv / kernel.step)
    total = np.where(p.causal, _ladder(past + kernel.rows, rows - 1, kernel, up=True) + last, rows * last)
    whole = p.kv - p.reach <= 0
    hidden = past - p.reach + 1  # positions that the first row no longer sees, where positive
    seen_all = np.where(whole, rows, np.clip(np.ceil(-hidden / kernel.rows), 0, rows))
    skipped = _ladder(np.maximum(0.0, hidden + seen_all * kernel.rows), rows - seen_all, kernel, up=False)
    seen = p.reach + np.minimum(p.q, kernel.rows) - 2  # by a whole block, but for the two at the ends
    longest = np.where(whole, last, np.minimum(last, np.ceil(seen / kernel.step) + 1))
    return rows, total - np.where(whole, 0.0, skipped), longest


def _ladder(first: Array, count: Array, kernel: FlashKernel, *, up: bool) -> Array:
    """The sum of (first + i * rows) / step over i < count, each term rounded up or down."""
    period = max(1, kernel.step // kernel.rows)
    rise = max(1, kernel.rows // kernel.step)
    total = np.zeros_like(first)
    for phase in range(period):
        times = np.maximum(0.0, np.ceil((count - phase) / period))
        start = (first + phase * kernel.rows) / kernel.step
        total += times * (np.ceil(start) if up else np.floor(start)) + rise * times * (times - 1) / 2
    return total
