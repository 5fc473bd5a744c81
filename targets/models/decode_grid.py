"""Which kernel a GPU library picks for attention against a cache, and its grid: parts of a cache, blocks, threads.

The rules are those of TensorRT-LLM (Apache-2.0, cpp/tensorrt_llm/kernels/decoderMaskedMultiheadAttention; its names are
in brackets below). It has a kernel whose block serves all query heads of a KV head on the matrix cores ("grouped", XQA)
and one with a block for each query head on the ordinary lanes ("single", MMHA).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import NonNegativeFloat, PositiveFloat

from mapper.hw.work import Role, Work
from targets.models.blocks import Fitted

Array = NDArray[np.float64]

LARGEST_GROUP = 32
"""Query rows that one grouped block serves; larger groups get the single kernel (supportConfigHMMA)."""

TILE = 128
"""Positions that a part of a cache has at least (kMinHistoryTokensPerBlock)."""

FILLED = 4
"""A grouped kernel runs if its blocks are at least one for so many SMs (kEnableMinBlockFactor)."""

MOST_WAVES = 8
"""Blocks for each SM up to which a cache is split (kTargetWaveFactor)."""

SPLIT_ROOT = 8.0
"""n tiles are split into at most sqrt(8 n) parts, as combining more costs too much (computeMultiBlockCount)."""

MOST_PARTS = 6000
"""Parts of all caches of a batch that fit the library's workspace (getXqaMaxNumSubSeq)."""

THREADS, MOST_THREADS = 256, 1024
"""Threads of a single block, doubled up to the larger number while SMs are empty (mmha_launch_kernel_ex)."""

UNROLL = 8
"""Positions for each group of threads that a single block takes at least (multi_block_grid_setup)."""

VECTOR_BYTES = 16
"""Bytes of a query that one thread of a single block holds (threads_per_value)."""

SCORE_BYTES = 6
"""Shared memory of a single block by position: a score of four bytes, a probability of two (smem_size_in_bytes)."""

RESERVED_BYTES = 2048
"""Shared memory that is not for scores (estimate_min_multi_block_count)."""


class KernelFit(Fitted):
    """The fitted constants of one decode kernel: cycles and bytes per cycle, so that they hold for other clocks."""

    launch_s: NonNegativeFloat
    """Launch and drain, with the kernels that prepare queries and append keys and values."""
    block: NonNegativeFloat
    """Cycles of a block with heads of 128, whatever it reads: prologue, softmax, sums over threads."""
    by_width: NonNegativeFloat = 0.2
    """The part of `block` that grows with the head dimension; an assumption where only one was measured."""
    wide: PositiveFloat = 1.0
    """`block` of the grouped kernel for more than 16 rows, over that of the one for fewer."""
    ramp: NonNegativeFloat = 0.0
    """Further cycles, in proportion, until 16 positions keep all threads of a single block busy."""
    step: NonNegativeFloat = 0.0
    """Cycles of each tile of positions under the grouped kernel."""
    thread_bytes: PositiveFloat
    """Bytes of the cache that a thread takes in per cycle."""
    l2: PositiveFloat
    """Bytes that an SM takes from the L2 per cycle while all SMs do."""
    split_s: NonNegativeFloat
    """Combining the parts of a split cache."""
    part: NonNegativeFloat = 0.0
    """Further cycles of combining for each part."""
    overlap: PositiveFloat
    """Exponent of the soft maximum over the time of the blocks and that of the traffic; large is a hard maximum."""
    resident: PositiveFloat
    """Blocks of 256 threads that the registers of an SM hold."""


DEFAULT_SINGLE = KernelFit(
    launch_s=3.92e-6, block=9030, by_width=0.0293, ramp=2330, thread_bytes=0.0402, l2=32, split_s=5.36e-6, part=330,
    overlap=2.91, resident=4,
)  # fmt: skip
DEFAULT_SINGLE_NARROW = KernelFit(
    launch_s=3.71e-6, block=23_700, by_width=0.236, ramp=405, thread_bytes=0.00513, l2=2.79, split_s=3.39e-6, part=1,
    overlap=4.04, resident=3,
)  # fmt: skip
DEFAULT_GROUPED = KernelFit(
    launch_s=5.37e-6, block=8680, by_width=0.302, wide=1.47, step=517, thread_bytes=0.25, l2=21.5, split_s=1.84e-6,
    part=450, overlap=1.6, resident=2,
)  # fmt: skip
DEFAULT_GROUPED_NARROW = KernelFit(
    launch_s=5.37e-6, block=10_500, by_width=0.387, wide=1.37, step=10, thread_bytes=0.0252, l2=4.48, split_s=3e-6,
    part=100, overlap=6.76, resident=2,
)  # fmt: skip


class DecodeFit(Fitted):
    """The fitted constants of attention against a cache, by kernel; `narrow` ones read caches of 8 bits and less.

    Defaults are joint fits over all GPUs measured with TensorRT-LLM (benchmarks/fit_decode.py), for devices that were
    never measured.
    """

    single: KernelFit = DEFAULT_SINGLE
    single_narrow: KernelFit = DEFAULT_SINGLE_NARROW
    grouped: KernelFit = DEFAULT_GROUPED
    grouped_narrow: KernelFit = DEFAULT_GROUPED_NARROW
    memory: PositiveFloat = 0.801
    """Reached part of the bandwidth of the memory."""
    l2_reach: PositiveFloat = 0.848
    """Caches up to this part of the L2 are found in it when a step is repeated; less where other work comes between."""
    few_parts: bool = True
    """Whether n tiles are split into at most sqrt(8 n) parts, as by later versions of the library."""
    splits_narrow: bool = True
    """Whether the grouped kernel splits narrow caches. Where it does not, it also runs however few its blocks are."""
    only_grouped: bool = False
    """Whether there is no single kernel, as in FlashAttention."""


@dataclass(frozen=True, slots=True)
class DecodeDevice:
    """What a GPU is by its data sheet, and the bandwidth of its data memory. `shared_bytes` is the shared memory that
    one block may have."""

    sms: int
    clock_hz: float
    bytes_per_s: float
    l2_bytes: float
    shared_bytes: float


@dataclass(frozen=True, slots=True)
class Steps:
    """Pieces of attention work as arrays: `rows` queries of each head see `reach` of `kv` positions; `token_bytes` are
    a key and a value of one KV head, `stored` all caches, `others` all other operands."""

    batch: Array
    heads: Array
    kv_heads: Array
    rows: Array
    kv: Array
    reach: Array
    head_dim: Array
    element_bytes: Array
    token_bytes: Array
    stored: Array
    others: Array

    @property
    def group(self) -> Array:
        """Query heads of one KV head."""
        found: Array = np.ceil(self.heads / self.kv_heads)
        return found

    @property
    def group_rows(self) -> Array:
        """Query rows that see the same keys."""
        return self.group * self.rows


def steps_of(works: Sequence[Work]) -> Steps:
    """The sizes of pieces of attention work."""
    return Steps(*np.array([_sizes(work) for work in works], dtype=np.float64).T)


def _sizes(work: Work) -> tuple[float, ...]:
    """The fields of Steps for one work. A cache is the states among the inputs, else what the sizes imply."""
    dims = dict(work.dims)
    batch, heads, kv_heads, width = (max(1, dims.get(name, 1)) for name in ("batch", "heads", "kv_heads", "head_dim"))
    kv = max(1, dims.get("kv", 1))
    reach = max(1, min(kv, dims.get("reach", kv)))
    states = [operand for operand in work.inputs if operand.role is Role.STATE]
    element = (states[0].dtype if states else work.dtype).bits / 8
    token = element * (width + dims.get("v_dim", width))
    whole, stored = batch * kv_heads * reach * token, sum(operand.bytes for operand in states)
    others = max(0, work.bytes() - stored)
    return (
        batch, heads, kv_heads, dims.get("q", 1), kv, reach, width, element, token, min(whole, stored or whole), others
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Grid:
    """How steps run. `kernel`: 0 single, 1 grouped, 2 and 3 the same for narrow caches; `resident`: blocks that an SM
    holds."""

    kernel: NDArray[np.int64]
    parts: Array
    blocks: Array
    threads: Array
    resident: Array

    @property
    def grouped(self) -> NDArray[np.bool_]:
        """Where a grouped kernel runs."""
        found: NDArray[np.bool_] = self.kernel % 2 == 1
        return found

    def constant(self, fit: DecodeFit, name: str) -> Array:
        """A constant of the kernel that runs each step."""
        kernels = (fit.single, fit.grouped, fit.single_narrow, fit.grouped_narrow)
        found: Array = np.array([getattr(kernel, name) for kernel in kernels], dtype=np.float64)[self.kernel]
        return found


def grid_of(steps: Steps, device: DecodeDevice, fit: DecodeFit) -> Grid:
    """The kernel that the library picks, and its grid. Several query rows are the grouped kernel's alone."""
    narrow = steps.element_bytes <= 1
    whole = narrow & (not fit.splits_narrow)
    tiles = np.maximum(1, np.floor(steps.kv / TILE))
    served = steps.batch * steps.kv_heads * np.ceil(steps.group_rows / LARGEST_GROUP)
    worth = whole | (FILLED * served * tiles >= device.sms)
    grouped = (steps.group > 1) & (steps.group <= LARGEST_GROUP) & worth
    grouped |= (steps.rows > 1) | fit.only_grouped
    kernel = grouped.astype(np.int64) + 2 * narrow
    single = _single(steps, device, fit, kernel)
    parts = np.where(grouped, np.where(whole, 1, _parts(steps, tiles, served, device, fit.few_parts)), single.parts)
    return Grid(
        kernel=kernel,
        parts=parts,
        blocks=np.where(grouped, served, steps.batch * steps.heads) * parts,
        threads=np.where(grouped, THREADS, single.threads),
        resident=np.where(grouped, single.constant(fit, "resident"), single.resident),
    )


def _parts(steps: Steps, tiles: Array, served: Array, device: DecodeDevice, few: bool) -> Array:
    """Parts of a cache under the grouped kernel (computeMultiBlockCount)."""
    parts = np.minimum(tiles, np.round(np.sqrt(SPLIT_ROOT * tiles))) if few else tiles
    parts = np.floor(parts / np.maximum(1, served * parts / device.sms / MOST_WAVES))
    found: Array = np.maximum(1, np.minimum(parts, np.floor(MOST_PARTS / steps.batch)))
    return found


def _single(steps: Steps, device: DecodeDevice, fit: DecodeFit, kernel: NDArray[np.int64]) -> Grid:
    """Threads and parts of the single kernel: larger blocks, then parts, until SMs are full; parts, too, where the
    scores of a cache exceed the shared memory (mmha_launch_kernel_ex, multi_block_grid_setup)."""
    none = np.zeros_like(steps.batch)
    held = Grid(kernel, none, none, none, none).constant(fit, "resident")
    heads, room = steps.batch * steps.heads, device.shared_bytes - RESERVED_BYTES
    wanted = THREADS * np.minimum(np.ceil(held * device.sms / heads), held)
    threads = np.where(wanted >= MOST_THREADS, MOST_THREADS, np.where(wanted >= 2 * THREADS, 2 * THREADS, THREADS))
    threads = np.where(heads >= FILLED * device.sms, THREADS, threads)
    by_registers = np.maximum(1, np.floor(held * THREADS / threads))
    least = np.ceil((steps.reach + 1) * SCORE_BYTES / room)
    positions = UNROLL * threads * VECTOR_BYTES / (2 * steps.head_dim)
    most = np.minimum(np.ceil((steps.kv + 1) / positions), np.maximum(np.ceil(device.sms / heads), least))
    parts = np.clip(np.ceil(device.sms * by_registers / heads), least, np.maximum(least, most))
    scores = np.ceil(steps.reach / parts) * SCORE_BYTES + RESERVED_BYTES / 2
    resident = np.minimum(by_registers, np.maximum(1, np.floor(room / scores)))
    return Grid(kernel, parts, heads * parts, threads, resident)
