"""Time of attention over many query rows on a GPU: blocks of query rows in waves over SMs, and passes beside them."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import NonNegativeFloat, PositiveFloat

from mapper.hw.work import Role, Work
from targets.models.blocks import Block
from targets.models.rates import ceil_div

TILE = 64
"""Query rows of a block, and positions that it sees in one step. Kernels with 128 rows would pay twice as much for
prompts of 16 or 32 tokens as was measured."""

LANE_OPS = 4
"""Operations on the lanes for each score: scale, maximum, exponential, sum."""

PREPARATION = 2
"""Times that queries, keys and values cross the memory before the kernel reads them: a kernel of its own turns,
packs and stores them."""


class PrefillFit(Block):
    """The fitted constants of attention over many query rows. Defaults: A100, AIConfigurator, bf16."""

    start_s: NonNegativeFloat = 7.9e-6
    """Further kernels beside the first launch."""
    matrix: PositiveFloat = 0.634
    """Reached part of the matrix peak while blocks are full."""
    lanes: PositiveFloat = 0.259
    """The same for the lanes, which work between the two products."""
    block_s: NonNegativeFloat = 6.57e-7
    """Fixed time of one wave of blocks."""
    memory: PositiveFloat = 0.829
    """Reached part of the bandwidth of the memory."""
    l2_reach: PositiveFloat = 0.117
    """Operands up to this part of the L2 are found in it by half."""


@dataclass(frozen=True, slots=True)
class PrefillDevice:
    """What a GPU is by its data sheet, for one number type, and the bandwidth of its data memory."""

    sms: int
    matrix_ops_per_s: float
    lane_ops_per_s: float
    bytes_per_s: float
    l2_bytes: float
    l2_bytes_per_s: float


def prefill_seconds(work: Work, device: PrefillDevice, fit: PrefillFit) -> tuple[float, float]:
    """Seconds of the arithmetic without launch, and of the traffic, which is before and after it.

    Waves of blocks of the average length; no kernel is quicker than its longest block, the last of a causal mask.
    """
    width = work.dim("head_dim") + work.dim("v_dim")
    step_s = (
        2 * TILE * TILE * width / (fit.matrix * device.matrix_ops_per_s)
        + LANE_OPS * TILE * TILE / (fit.lanes * device.lane_ops_per_s)
    ) * device.sms
    rows = ceil_div(work.dim("q"), TILE)
    waves = ceil_div(work.dim("batch") * work.dim("heads") * rows, device.sms)
    average, longest = _steps(work, rows)
    compute = max(waves * (average * step_s + fit.block_s), longest * step_s + fit.block_s)
    fresh = sum(o.bytes for o in work.inputs if o.role is not Role.STATE)
    moved = work.bytes() + PREPARATION * fresh
    missed = 1 - 1 / (1 + (moved / (fit.l2_reach * device.l2_bytes)) ** 4)
    traffic = moved * (missed / (fit.memory * device.bytes_per_s) + (1 - missed) / device.l2_bytes_per_s)
    return compute, fit.start_s + traffic


def _steps(work: Work, rows: int) -> tuple[float, int]:
    """Tiles of the cache that a block of query rows sees: on average and at most."""
    kv = max(1, work.dim("kv"))
    reach = work.dim("reach", kv)
    longest = ceil_div(kv, TILE)
    if reach < kv:
        seen = min(longest, ceil_div(reach, TILE) + 1)
        return float(seen), seen
    if not work.dim("causal", 0) or work.dim("q") > kv:
        return float(longest), longest
    return longest - (rows - 1) / 2, longest
