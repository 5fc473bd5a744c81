"""One measured latency: whose, of what, how long, and whether the constants may be fitted on it."""

from __future__ import annotations

import csv
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

Columns = Mapping[str, str | int]
"""The columns of `mapper cost --csv` that the row fills, `target` among them."""


@dataclass(frozen=True, slots=True)
class Point:
    """A measured latency. `op` names the line of the table it belongs to, `held_out` the side of the split: only
    points that are not held out may be used to fit constants.

    `also` are further kernels that the measured name stands for: a program without fused kernels runs a norm as ten of
    them. `overhead_s` is what the source's way to measure adds to the time of kernels.
    """

    source: str
    device: str
    op: str
    columns: Columns
    seconds: float
    held_out: bool
    also: tuple[Columns, ...] = ()
    overhead_s: float = 0.0


TARGETS = {
    "a100": "a100-80",
    "a100_sxm": "a100-80",
    "A100": "a100-80",
    "h100": "h100-sxm",
    "h100_sxm": "h100-sxm",
    "H100": "h100-sxm",
    "a40": "a40",
    "A6000": "a6000",
    "l40s": "l40s",
    "RTXPRO6000": "rtx-pro-6000",
    "RTX4090": "rtx-4090",
    "RTX3090": "rtx-3090",
    "h200_sxm": "h200",
    "b200_sxm": "b200",
    "gb200_sxm": "b200",
    "TPU-v6e-1": "tpu-v6e",
    "NVIDIA A100-PCIE-40GB": "a100-pcie-40",
    "NVIDIA A100-SXM4-40GB": "a100-pcie-40",
    "NVIDIA A100 80GB PCIe": "a100-80",
    "NVIDIA H100 80GB HBM3": "h100-sxm",
    "NVIDIA L4": "l4",
    "AMD Instinct MI100": "mi100",
    "AMD Instinct MI210": "mi210",
    "AMD Instinct MI250": "mi210",
    "Tesla V100-PCIE-32GB": "v100",
    "NV_V100": "v100",
    "Tesla T4": "t4",
    "Tesla P100-PCIE-16GB": "p100",
    "Tesla P4": "p4",
    "AMD_MI25": "mi25",
    "AMD_Vega": "mi25",
    "NV_P100": "p100",
    "NV_P4": "p4",
    "NV_T4": "t4",
    "NV_M40": "m40",
    "NV_TitanX": "titan-x-maxwell",
    "NV_TitanX_Pascal": "titan-x-pascal",
    "NV_1080Ti": "gtx-1080-ti",
    "4xA100_NVLink3": "hgx-a100-4",
    "a100_dgx": "dgx-a100-pytorch",
    "a100_pairwise_nvlink": "a100-pairs",
}
"""The target that stands for a device as a source names it: the same chip and memory, be the board another. A program
sees an MI250 as two devices, each of which is an MI210's chip."""


def target_of(device: str) -> str:
    """The target of a device; where none is known its own name, under which a table says that there is no target."""
    return TARGETS.get(device, device.lower().replace("_", "-").replace(" ", "-"))


OUT_OF = 4
"""One shape in so many is held out where a source is split by shape."""


def held_out_shape(*sizes: object) -> bool:
    """Whether a shape is held out: the same for every row of that shape, and spread evenly over shapes."""
    return zlib.crc32(",".join(map(str, sizes)).encode()) % OUT_OF == 0


def records(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a CSV file by column; nothing where the file is absent."""
    if path.is_file():
        with path.open(newline="") as handle:
            yield from csv.DictReader(handle)
