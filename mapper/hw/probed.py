"""Collectives of a fabric of which only two times are known: a small and a large tensor of each collective.

    t(S) = max(h, a + b S + w (ROOT sqrt(a b S) + p RAMP_S sqrt(S / (S + BUFFER_BYTES))))

The probes give the start cost a and the rate b. Both bends have a reason: low-latency protocols move more bytes until
the rate matters (the root), and each of the p phases of a ring fills its buffers once (the ramp). w, how strongly a
library bends, is fitted over fabrics. Where the small probe takes longer than kernels of a library do, the host that
starts them sets that time: h is the probe's, and a that of a kernel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapper.hw.curves import Curve

Array = NDArray[np.float64]

PROBES = (1024.0, float(2**25))
"""Bytes of the two tensors: one below the first step of every protocol, one at which the rate rules."""

BUFFER_BYTES = float(2**22)
"""NCCL's buffer of a channel (NCCL_BUFFSIZE, its documentation). Any of 1 to 8 MB does within a point."""

ROOT, RAMP_S = 0.5, 12.5e-6
"""The parts of the two bends where w is 1. Other parts (0.25 and 20 us, 0.75 and 10 us) do within half a point."""

BEND, KERNEL_S = 1.0, 16e-6
"""w, and the longest start of a kernel among two ranks: the best over five fabrics (benchmarks/probes.py)."""

HOP_S = 1e-6
"""What a hop adds to a kernel's start: 0.6 us over NVLink, 1 us over PCIe in NCCL's tuning table (recalled)."""

_PHASES = {"all_reduce": 2, "custom_all_reduce": 2, "send_recv": 0}
"""How often the tensor goes around; once unless said here. A transfer is one hop, without a ramp."""

_LARGEST = 2.0**40


def probed_curve(kind: str, ranks: int, sizes: tuple[float, float], times: tuple[float, float]) -> Curve:
    """The curve through two probes, the smaller one first."""
    octaves = np.arange(np.log2(sizes[0]), np.log2(_LARGEST), 0.5)
    knots = np.unique(np.concatenate([np.exp2(octaves), np.array(sizes)]))
    found = probed_times(kind, ranks, sizes, times, knots)
    return Curve(kind, ranks, tuple(knots.tolist()), tuple(found.tolist()))


def probed_times(
    kind: str,
    ranks: int,
    probe_sizes: tuple[float, float],
    probe_times: tuple[float, float],
    sizes: Array,
    bend: float = BEND,
    kernel_s: float = KERNEL_S,
) -> Array:
    """Seconds at the sizes. The equations of the probes are solved by turns, which settles within a few."""
    phases = _PHASES.get(kind, 1)
    longest = kernel_s + HOP_S * max(1, phases * (ranks - 1))
    (small, large), (t_small, t_large) = probe_sizes, probe_times
    root, ramp_s = (bend * ROOT if phases else 0.0), bend * RAMP_S * phases

    def bent(a: float, b: float, size: Array | float) -> Array:
        size = np.asarray(size, dtype=np.float64)
        return root * np.sqrt(a * b * size) + ramp_s * np.sqrt(size / (size + BUFFER_BYTES))

    a, b = min(t_small, longest), t_large / large
    for _ in range(50):
        b = max((t_large - a - float(bent(a, b, large))) / large, 0.15 * t_large / large)
        a = min(max(t_small - b * small - float(bent(a, b, small)), 0.3 * t_small), longest)
    host_s = t_small if a >= longest else 0.0
    return np.asarray(np.maximum(host_s, a + b * sizes + bent(a, b, sizes)), dtype=np.float64)
