"""How long `mapper cost --csv` takes for tables of distinct rows of each kind, and how much memory.

python benchmarks/cost_table.py                    every mix, 100,000 rows each
python benchmarks/cost_table.py decode cim         these only
python benchmarks/cost_table.py --keep DIR         leave the tables and their prices there

Every table is priced by a process of its own. Exit code 1 when one takes more than `MOST_SECONDS` of processor time,
which no other program on the machine lengthens by much, or cannot be priced.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from mapper.cost.rows import COLUMNS

ROWS = 100_000
MOST_SECONDS = 30.0
RUN = "import sys; from mapper.cli import main; sys.exit(main())"

GPUS = (
    "a100-80", "h100-sxm", "h200", "b200", "l40s", "a40", "a6000", "rtx-pro-6000", "v100", "t4", "p100", "mi210",
    "mi300x",
)  # fmt: skip
TPUS = ("tpu-v4", "tpu-v6e")
CPUS = ("xeon-8592",)
MACROS = ("ibm-hermes64", "axelera-metis", "isscc22-15-5", "cicc21-aimc", "neurram", "rram-cim")
SINGLE = ("p100",)
"""GPUs without matrix cores: f16 and f32 only."""
TENSOR_TYPES = {
    "h100-sxm": ("f16", "bf16", "fp8", "int8", "int8_wo", "int4_wo"),
    "h200": ("f16", "bf16", "fp8", "int8", "int8_wo", "int4_wo"),
    "b200": ("f16", "bf16", "fp8", "fp4", "int8_wo", "int4_wo"),
    "l40s": ("f16", "bf16", "fp8", "int8", "int8_wo", "int4_wo"),
    "rtx-pro-6000": ("f16", "bf16", "fp8", "int8_wo", "int4_wo"),
    "mi300x": ("f16", "bf16", "fp8", "int8", "int8_wo", "int4_wo"),
    "v100": ("f16", "f32", "int8_wo", "int4_wo"),
    "t4": ("f16", "f32", "int8", "int8_wo", "int4_wo"),
    "p100": ("f16", "f32"),
}
OTHER_TYPES = ("f16", "bf16", "int8", "int8_wo", "int4_wo")
WIDTHS = (768, 1024, 2048, 2560, 4096, 5120, 6144, 8192, 11008, 12288, 13824, 14336, 16384, 22016, 28672)
HEADS = ((12, 12), (16, 16), (32, 32), (32, 8), (40, 40), (64, 8), (28, 4), (48, 1), (96, 96))
ROW_KINDS = ("layernorm", "rmsnorm", "softmax", "embedding")
POINT_KINDS = ("gelu", "silu", "relu", "add", "mul", "swiglu", "geglu", "rope", "cast", "move", "elementwise")
EXCHANGE_KINDS = ("all_reduce", "all_gather", "reduce_scatter", "all_to_all", "broadcast", "send_recv")
NODES = ("a100-80", "h100-sxm", "h200", "b200", "l40s", "a40", "a6000", "rtx-pro-6000", "mi300x", "dgx-a100")

Row = dict[str, str | int]


def product(rng: Random, targets: Sequence[str] = GPUS) -> Row:
    """A linear layer or, one time in ten, a batched product of two activations."""
    target = rng.choice(targets)
    batched = rng.random() < 0.1
    dtype = rng.choice(TENSOR_TYPES.get(target, OTHER_TYPES))
    sizes = {"m": rng.randint(1, 16384), "n": rng.choice(WIDTHS), "k": rng.choice(WIDTHS)}
    if batched:
        sizes = {"m": rng.randint(1, 2048), "n": rng.randint(1, 2048), "k": rng.choice((64, 96, 128))}
        return {"target": target, "kind": "matmul", **sizes, "batch": rng.choice((8, 12, 32, 64)), "dtype": "f16"}
    return {"target": target, "kind": "matmul", **sizes, "dtype": dtype}


def prompt(rng: Random, targets: Sequence[str] = GPUS) -> Row:
    """Attention of a prompt, one time in three of a chunk after a cache."""
    heads, kv_heads = rng.choice(HEADS)
    past = rng.randint(1, 8192) if rng.random() < 0.3 else 0
    return _attention(rng, targets, heads, kv_heads, rng.randint(17, 8192), past)


def step(rng: Random, targets: Sequence[str] = GPUS) -> Row:
    """Attention of the next token, one time in ten of a few tokens, against a cache."""
    heads, kv_heads = rng.choice(HEADS)
    queries = rng.randint(2, 8) if rng.random() < 0.1 else 1
    return _attention(rng, targets, heads, kv_heads, queries, rng.randint(16, 32768))


def _attention(rng: Random, targets: Sequence[str], heads: int, kv_heads: int, seq: int, past: int) -> Row:
    target = rng.choice(targets)
    types = ("f16",) if target in (*SINGLE, "v100", "t4") else ("f16", "bf16")
    return {
        "target": target,
        "kind": "attention",
        "batch": rng.choice((1, 2, 4, 8, 16, 32, 64)),
        "heads": heads,
        "kv_heads": kv_heads,
        "head_dim": rng.choice((64, 96, 128, 256)),
        "seq": seq,
        "past": past,
        "dtype": rng.choice(types),
    }


def streaming(rng: Random, targets: Sequence[str] = GPUS) -> Row:
    """A norm, a softmax, a look-up or an element-wise function."""
    kind = rng.choice(ROW_KINDS if rng.random() < 0.5 else POINT_KINDS)
    row: Row = {"target": rng.choice(targets), "kind": kind, "m": rng.randint(1, 65536), "n": rng.choice(WIDTHS)}
    return {**row, "dtype": rng.choice(("f16", "f32"))}


def exchange(rng: Random) -> Row:
    """A collective among the units of a node."""
    ranks = rng.choice((2, 4, 8))
    size = int(2 ** rng.uniform(8, 33))
    return {"target": rng.choice(NODES), "kind": rng.choice(EXCHANGE_KINDS), "bytes": size, "ranks": ranks}


def macro(rng: Random) -> Row:
    """A product with integer weights in compute-in-memory arrays."""
    sizes = {"m": rng.randint(1, 8192), "n": rng.randint(1, 512), "k": rng.randint(1, 512)}
    return {"target": rng.choice(MACROS), "kind": "matmul", **sizes}


def _other(targets: Sequence[str], rng: Random) -> Row:
    """Anything that is no collective, in the target's own types."""
    kind = rng.choice((product, prompt, step, streaming))
    return {**kind(rng, targets), "dtype": ""}


def cpu(rng: Random) -> Row:
    """Any work on a CPU."""
    return _other(CPUS, rng)


def tpu(rng: Random) -> Row:
    """Any work on a TPU."""
    return _other(TPUS, rng)


def mixed(rng: Random) -> Row:
    """As a table of a serving study: mostly products and attention on GPUs, some of everything else."""
    kinds = (product, prompt, step, streaming, exchange, macro, cpu, tpu)
    return rng.choices(kinds, weights=(40, 10, 15, 15, 5, 5, 5, 5))[0](rng)


MIXES: dict[str, Callable[[Random], Row]] = {
    "products": product, "prefill": prompt, "decode": step, "streaming": streaming, "collectives": exchange,
    "cim": macro, "cpu": cpu, "tpu": tpu, "mixed": mixed,
}  # fmt: skip


def table(mix: str, rows: int) -> list[tuple[str | int, ...]]:
    """So many distinct rows of a mix, the same ones each time."""
    rng = Random(mix)
    found: dict[tuple[str | int, ...], None] = {}
    while len(found) < rows:
        row = MIXES[mix](rng)
        found[tuple(row.get(name, "") for name in COLUMNS)] = None
    return list(found)


def write(path: Path, rows: Sequence[Sequence[str | int]]) -> None:
    """A table for `mapper cost --csv`."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])


def priced(path: Path, out: Path) -> tuple[int, float, float, float]:
    """Exit code, seconds by the clock, seconds of the processor and peak MB of pricing a table."""
    command = [sys.executable, "-c", RUN, "cost", "--csv", str(path), "--out", str(out)]
    began = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    clock = time.perf_counter() - began
    return process.returncode, clock, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line for each mix."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mixes", nargs="*", help=f"of {', '.join(MIXES)}; all if none is named")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--keep", type=Path, help="folder for the tables and their prices")
    args = parser.parse_args(arguments)
    unknown = [name for name in args.mixes if name not in MIXES]
    if unknown:
        parser.error(f"no mix '{unknown[0]}'; there are {', '.join(MIXES)}")
    missed = 0
    print(f"{'mix':<12} {'rows':>8} {'wall s':>8} {'CPU s':>8} {'rows/CPU s':>11} {'peak MB':>8}  ok")
    with tempfile.TemporaryDirectory() as folder:
        where = args.keep or Path(folder)
        where.mkdir(parents=True, exist_ok=True)
        for mix in args.mixes or MIXES:
            path = where / f"{mix}.csv"
            write(path, table(mix, args.rows))
            code, clock, used, peak = priced(path, where / f"{mix}.priced.csv")
            verdict = f"exit code {code}" if code else "ok" if used <= MOST_SECONDS else f"MISSED {MOST_SECONDS:g} s"
            missed += verdict != "ok"
            figures = f"{args.rows:>8} {clock:>8.1f} {used:>8.1f} {args.rows / used:>11.0f} {peak:>8.0f}"
            print(f"{mix:<12} {figures}  {verdict}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
