"""Time of attention of one query row, or a few, against a cache on a GPU: waves of blocks beside the traffic."""

from __future__ import annotations

import numpy as np

from targets.models.decode_grid import LARGEST_GROUP, TILE, Array, DecodeDevice, DecodeFit, Grid, Steps, grid_of

WIDTH = 128
"""Head dimension that cycles of a block are stated for. Kernels are compiled for powers of two and pad to them."""

NARROW_ROWS = 16
"""Query rows of the smaller of the two grouped kernels."""

RAMP = 16
"""Positions that a block of 256 threads works on at once with heads of 128: with fewer some threads have no work."""

EMPTY = 0.5
"""Cycles of a block that a window leaves without any position, over those of one with some (AIConfigurator, L40S)."""

L2_EDGE = 12
"""Steepness of the step from caches that stay in the L2 to those that do not: A100 and L40S show a sharp one."""

APART = 0.75
"""Of the bytes of keys and values that stand apart; with fewer, values are the keys' own bytes."""


def decode_seconds(steps: Steps, device: DecodeDevice, fit: DecodeFit) -> tuple[Array, Array, Array]:
    """Seconds of each step after its launch, the part of them that traffic alone takes, and the launch."""
    grid = grid_of(steps, device, fit)
    blocks, traffic = _block_seconds(steps, device, fit, grid), _traffic_seconds(steps, device, fit, grid)
    overlap = grid.constant(fit, "overlap")
    split = grid.constant(fit, "split_s") + grid.parts * grid.constant(fit, "part") / device.clock_hz
    total = (blocks**overlap + traffic**overlap) ** (1 / overlap) + np.where(grid.parts > 1, split, 0.0)
    return total, traffic, grid.constant(fit, "launch_s")


def _block_seconds(steps: Steps, device: DecodeDevice, fit: DecodeFit, grid: Grid) -> Array:
    """Waves of blocks. The fixed part of grouped blocks keeps an SM busy, so those that share one take turns; while
    they wait for the cache they overlap."""
    waves = np.ceil(grid.blocks / (device.sms * grid.resident))
    turns = np.where(grid.grouped, np.ceil(grid.blocks / device.sms), waves)
    tiles, positions = np.ceil(steps.reach / TILE) / grid.parts, np.ceil(steps.reach / grid.parts)
    padded = 2 ** np.ceil(np.log2(steps.head_dim))
    grows = grid.constant(fit, "by_width")
    fixed = grid.constant(fit, "block") * (1 - grows + grows * padded / WIDTH)
    fixed *= np.where(grid.grouped & (steps.group_rows > NARROW_ROWS), grid.constant(fit, "wide"), 1.0)
    fixed += grid.constant(fit, "ramp") * np.minimum(1.0, positions / RAMP)
    fixed *= EMPTY + (1 - EMPTY) * np.minimum(1.0, tiles)
    taken = grid.threads * grid.constant(fit, "thread_bytes") * steps.head_dim / padded
    stream = np.ceil(tiles) * grid.constant(fit, "step") + positions * steps.token_bytes / taken
    found: Array = (turns * fixed + waves * stream) / device.clock_hz
    return found


def _traffic_seconds(steps: Steps, device: DecodeDevice, fit: DecodeFit, grid: Grid) -> Array:
    """What misses the L2 from memory, and beside it all that blocks read, from the L2: the longer of the two. Grouped
    blocks keep up with any memory (assumed: on the GPUs that were measured the memory is far slower than the L2).

    The single kernel reads a cache once for each query head. Where values are the keys' own bytes, a block finds them
    in the L2, unless the keys of all blocks that run at once are too many: the single kernel reads all keys of a part
    before the first value.
    """
    l2 = fit.l2_reach * device.l2_bytes
    whole = steps.batch * steps.kv_heads * steps.reach * steps.token_bytes
    times = np.where(grid.grouped, np.ceil(steps.group_rows / LARGEST_GROUP), steps.group)
    running = np.minimum(grid.blocks, device.sms * grid.resident)
    keys = running * np.ceil(steps.reach / grid.parts) * steps.token_bytes / 2
    again = np.where(grid.grouped | (steps.stored > APART * whole), 0.0, (whole - steps.stored) * _missed(keys / l2))
    memory = _missed((steps.stored + steps.others) / l2) * (steps.stored + again + steps.others)
    reached = fit.memory * device.bytes_per_s
    per_second = grid.constant(fit, "l2") * device.sms * device.clock_hz
    per_second = np.where(grid.grouped, np.maximum(per_second, reached), per_second)
    found: Array = np.maximum(memory / reached, (whole * times + steps.others) / per_second)
    return found


def _missed(share: Array) -> Array:
    """The part of data that the L2 does not hold any more, by its size over what the L2 keeps."""
    found: Array = 1 - 1 / (1 + np.minimum(share, 1e3) ** L2_EDGE)
    return found
