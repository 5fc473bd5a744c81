"""`mapper passes`, `targets`, `cost` and `--help`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sweeps import sweep

from mapper.cli.targets_shown import COLUMNS
from mapper.hw import plugins


def test_passes_lists_every_pass_and_pipeline(mapper) -> None:
    out = mapper("passes").out
    assert all(name in out for name in (*plugins.names("passes"), *plugins.names("pipelines")))


def test_a_pass_shows_its_options(mapper) -> None:
    out = mapper("passes", "partition").out
    assert "requires" in out
    assert "provides clusters" in out


def test_a_pipeline_shows_its_passes(mapper) -> None:
    ran = mapper("passes", "heft")
    assert ran.code == 0
    assert "place-heft" in ran.out
    assert "judge" in ran.out


def test_an_unknown_name_brings_the_nearest(mapper) -> None:
    ran = mapper("passes", "defualt")
    assert ran.code == 1
    assert "'default'" in ran.err


@pytest.mark.slow
def test_targets_lists_every_target_with_no_row_broken(mapper) -> None:
    out = mapper("targets").out
    rows = {line.split()[0] for line in out.splitlines() if line[:1].strip()}
    assert out.split("\n")[0].split() == [*COLUMNS]
    assert {"superhet", "a100-80", "dgx-a100", "xeon-8592", "edge-npu", "rram-cim"} <= rows
    assert max(map(len, out.splitlines())) <= 120


def test_one_target_shows_units_memories_and_links(mapper) -> None:
    out = mapper("targets", "superhet").out
    assert all(word in out for word in ("cim3.arrays", "hbm", "d2d.host-gpu0", "source:"))


def test_a_link_shows_what_it_takes_of_the_units_at_its_ends(mapper, tmp_path: Path) -> None:
    path = tmp_path / "two.yaml"
    path.write_text(
        "schema: 1\nname: two\nunits: {a: {use: units/cpu-neoverse-8c}, b: {use: units/cpu-neoverse-8c}}\n"
        "memories: {m: {use: memories/ddr5-4800, serves: [a]}, n: {use: memories/ddr5-4800, serves: [b]}}\n"
        "links: {l: {bandwidth_bytes_per_s: 1e9, latency_s: 3e-6, overhead_s: 2e-4, energy_pj_per_bit: 1, "
        "between: [a, b]}}\nio: m\nsource: assumed\n"
    )
    row = next(line for line in mapper("targets", path).out.splitlines() if line.startswith("l "))
    assert row.index("3.00 us") < row.index("200 us")


def test_the_schema_of_targets_is_json(mapper) -> None:
    assert json.loads(mapper("targets", "--schema").out)["title"] == "mapper target file"


def test_without_a_dtype_each_unit_computes_in_its_own(mapper) -> None:
    rows = json.loads(mapper("cost", "--target", "superhet", "--work", "matmul m=16 n=64 k=64", "--json").out)
    assert {r["unit"]: r["dtype"] for r in rows}["cim0"] == "i8"
    assert not any(r["why_not"] for r in rows)


def test_with_a_dtype_units_that_lack_it_say_so(mapper) -> None:
    ran = mapper("cost", "--target", "superhet", "--unit", "cim0", "--work", "matmul m=16 n=64 k=64 dtype=f16")
    assert ran.code == 0
    assert "no f16 arithmetic for matmul" in ran.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--work", "matmull m=1"], "'matmul'"),
        (["--work", "matmul m=1 n=1"], "missing k"),
        (["--work", "matmul m=1 n=1 k=x"], "k=x"),
        (["--work", "matmul m=1 n=1 k=1", "--unit", "cim9"], "'cim3'"),
    ],
)
def test_work_that_cannot_be_read(mapper, words: list[str], said: str) -> None:
    ran = mapper("cost", "--target", "superhet", *words)
    assert ran.code in (1, 2)
    assert ran.out == ""
    assert said in ran.err


def test_help_loads_neither_onnx_nor_a_solver() -> None:
    code = (
        "import sys\nfrom mapper.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([n for n in ('onnx', 'ortools', 'numpy', 'pydantic', 'rich') if n in sys.modules])\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"
    assert "compile" in ran.stdout


def test_the_package_runs_as_the_command() -> None:
    ran = subprocess.run([sys.executable, "-m", "mapper", "--version"], capture_output=True, text=True, check=True)
    assert "hetmap" in ran.stdout


def test_no_command_prints_help(mapper) -> None:
    ran = mapper()
    assert ran.code == 2
    assert "start with" in ran.out


@pytest.mark.parametrize("words", sweep([["passes"], ["targets"], ["targets", "superhet"]], 1))
def test_a_reader_that_goes_away_ends_a_listing_quietly(words: list[str]) -> None:
    command = [sys.executable, "-c", "import sys; from mapper.cli import main; sys.exit(main())", *words]
    reader, writer = os.pipe()
    os.close(reader)
    ran = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (ran.returncode, ran.stderr) == (0, "")
