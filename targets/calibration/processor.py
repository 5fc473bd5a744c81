"""What the machine says of its processor: cores, clock, instruction set, caches, memory."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mapper.errors import MapperError


@dataclass(frozen=True, slots=True)
class Processor:
    """A processor as the operating system shows it. Cache sizes in bytes: the largest of one core, and the last level
    of all; rates are operations per core and cycle, a MAC counting two."""

    name: str
    cores: int
    clock_hz: float
    isa: str
    matrix_ops: Mapping[str, float]
    vector_ops: Mapping[str, float]
    private_cache_bytes: int
    shared_cache_bytes: int
    memory_bytes: int


_WIDE = {"f64": 32.0, "f32": 64.0, "i32": 64.0, "i8": 128.0}
_HALF = {"f64": 16.0, "f32": 32.0, "i32": 32.0, "i8": 64.0}
_NEON = {"f64": 8.0, "f32": 16.0, "i32": 16.0, "i8": 64.0}
RATES: tuple[tuple[str, tuple[str, ...], Mapping[str, float], Mapping[str, float]], ...] = (
    ("AVX-512 with AMX", ("amx_int8", "avx512f"), {"f64": 32, "f32": 64, "bf16": 1024, "i8": 2048}, _WIDE),
    ("AVX-512 with VNNI", ("avx512_vnni",), {"f64": 32, "f32": 64, "i8": 256}, _WIDE),
    ("AVX-512", ("avx512f",), {"f64": 32, "f32": 64, "i8": 128}, _WIDE),
    ("AVX2 with VNNI", ("avx_vnni", "avx2"), {"f64": 16, "f32": 32, "i8": 128}, _HALF),
    ("AVX2", ("avx2", "fma"), {"f64": 16, "f32": 32, "i8": 64}, _HALF),
    ("AVX", ("avx",), {"f64": 8, "f32": 16, "i8": 32}, {"f64": 8, "f32": 16, "i32": 8, "i8": 32}),
    ("SSE", ("sse2",), {"f64": 4, "f32": 8, "i8": 32}, {"f64": 4, "f32": 8, "i32": 8, "i8": 32}),
    ("NEON with i8mm", ("i8mm",), {"f64": 8, "f32": 16, "f16": 32, "bf16": 64, "i8": 128}, _NEON),
    ("NEON with dot products", ("asimddp",), {"f64": 8, "f32": 16, "f16": 32, "i8": 64}, _NEON),
    ("NEON", ("asimd",), {"f64": 4, "f32": 8, "i8": 16}, {"f64": 4, "f32": 8, "i32": 8, "i8": 16}),
)  # fmt: skip
"""Instruction sets from the best down, the flags they show, and operations per core and cycle: two pipes of full width
(server cores; a core with one reaches half, which the fitted part of the peak then says). Intel's and Arm's
optimisation guides."""


def detected() -> Processor:
    """The processor of this machine; an error where the operating system does not say what it is."""
    match platform.system():
        case "Linux":
            return _linux(Path("/proc/cpuinfo").read_text(), Path("/sys/devices/system/cpu"))
        case "Darwin":
            return _darwin()
    raise MapperError(
        f"mapper calibrate cpu knows no way to ask {platform.system() or 'this system'} for its processor",
        hint="run it on Linux or macOS, or write a target by hand (mapper targets --schema)",
    )


def _linux(text: str, folder: Path) -> Processor:
    """From /proc/cpuinfo and sysfs; cores are those this process may use, two threads of one core counting once."""
    fields = dict(re.findall(r"^([^\t:]+?)\s*:\s*(.*)$", text, re.MULTILINE))
    allowed = sorted(os.sched_getaffinity(0))
    siblings = {_read(folder / f"cpu{i}/topology/thread_siblings_list", str(i)) for i in allowed}
    private, shared = _caches(folder / f"cpu{allowed[0]}" / "cache", len(allowed))
    flags = (fields.get("flags") or fields.get("Features") or "").split()
    return _processor(
        fields.get("model name") or fields.get("Hardware") or platform.machine(),
        len(siblings),
        _clock(folder / f"cpu{allowed[0]}", fields),
        flags,
        (private, shared),
        os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    )


def _clock(core: Path, fields: Mapping[str, str]) -> float:
    """The highest clock that the kernel names, else that of now, else 2 GHz: the fitted part of the peak holds the
    rest."""
    most = _read(core / "cpufreq/cpuinfo_max_freq", "")
    if most.isdigit():
        return float(most) * 1e3
    return float(fields["cpu MHz"]) * 1e6 if "cpu MHz" in fields else 2e9


def _caches(folder: Path, threads: int) -> tuple[int, int]:
    """Bytes of the largest cache before the last level that one core has for itself, and of the last level, for all
    cores together."""
    own = _members(_read(folder.parent / "topology/thread_siblings_list", "0"))
    levels: dict[int, tuple[int, set[int]]] = {}
    for index in sorted(folder.glob("index*")):
        if _read(index / "type", "") != "Instruction":
            users = _members(_read(index / "shared_cpu_list", "0"))
            levels[int(_read(index / "level", "0"))] = _size(_read(index / "size", "0")), users
    if not levels:
        return 0, 0
    last, users = levels.pop(max(levels))
    private = max((size for size, users in levels.values() if users <= own), default=0)
    return private, last * max(1, threads // max(len(users), 1))


def _members(text: str) -> set[int]:
    """The numbers of a list as 0-3,8."""
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, end = part.partition("-")
        found.update(range(int(first), int(end or first) + 1))
    return found


def _size(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([KMG]?)", text).groups()  # type: ignore[union-attr]
    return int(number) * {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}[unit]


def _read(path: Path, default: str) -> str:
    return path.read_text().strip() if path.is_file() else default


def _darwin() -> Processor:
    """From sysctl."""
    done = subprocess.run(["sysctl", "-a"], capture_output=True, text=True, check=True)
    keys = dict(re.findall(r"^([\w.]+): (.*)$", done.stdout, re.MULTILINE))

    def number(*names: str, default: int = 0) -> int:
        return next((int(keys[name]) for name in names if keys.get(name, "").isdigit()), default)

    flags = (keys.get("machdep.cpu.features", "") + " " + keys.get("machdep.cpu.leaf7_features", "")).lower().split()
    if platform.machine() == "arm64":
        flags = ["asimd", *(["asimddp"] if number("hw.optional.arm.FEAT_DotProd") else [])]
        flags += ["i8mm"] if number("hw.optional.arm.FEAT_I8MM") else []
    cores = number("hw.perflevel0.physicalcpu", "hw.physicalcpu", default=1)
    private = number("hw.l2cachesize", "hw.l1dcachesize")
    shared = number("hw.l3cachesize", "hw.perflevel0.l2cachesize", "hw.l2cachesize", default=private)
    clock = float(number("hw.cpufrequency_max", "hw.cpufrequency", default=3_200_000_000))
    name = keys.get("machdep.cpu.brand_string", platform.machine())
    return _processor(name, cores, clock, flags, (private, shared), number("hw.memsize", default=2**33))


def _processor(
    name: str, cores: int, clock_hz: float, flags: list[str], caches: tuple[int, int], memory_bytes: int
) -> Processor:
    for isa, needed, matrix, vector in RATES:
        if set(needed) <= set(flags):
            return Processor(name, cores, clock_hz, isa, matrix, vector, caches[0], max(caches[1], 2**18), memory_bytes)
    raise MapperError(
        f"{name}: no vector unit that is known here; its flags are: {' '.join(flags[:30]) or 'none'}",
        hint="write a target by hand (mapper targets --schema)",
    )


def copy_bandwidth(cache_bytes: int, cores: int, seconds: float = 1.0) -> float:
    """Bytes per second read and written by the best of several copies that no cache holds, a part on each core."""
    size = max(2**26, 2 * cache_bytes) // (4 * cores)
    pairs = [(np.ones(size, dtype=np.float32), np.zeros(size, dtype=np.float32)) for _ in range(cores)]
    best, end = float("inf"), time.perf_counter() + seconds
    with ThreadPoolExecutor(cores) as pool:
        while time.perf_counter() < end:
            start = time.perf_counter()
            list(pool.map(lambda pair: np.copyto(pair[1], pair[0]), pairs))
            best = min(best, time.perf_counter() - start)
    return 2 * 4 * size * cores / best
