"""An installed third-party distribution brings a pass, a chip and a unit model, and is told apart from others."""

from __future__ import annotations

from pathlib import Path

import pytest
from plugin_sites import distribution, python

from mapper.errors import MapperError

COMPILE = """
from pathlib import Path
from mapper.cost.judge import judge
from mapper.frontend import load_model, parse_phase
from mapper.hw import plugins
from mapper.hw.load import load_target
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context, Effort
from mapper.pipeline.pipeline import parse
from samples.models.build import main

main(["gpt2-tiny", "--out", "tiny.onnx"])
found = load_model("tiny.onnx", [parse_phase("run: batch=1 seq=8 past=0")])
text = "partition-every-op{prefix=mine:},options,place-greedy,schedule{effort=0.0},memory,judge"
pipeline = parse(text, lambda name: plugins.load("passes", name))
assert str(pipeline) == text
plan = pipeline.run(Plan(load_target("example-soc"), found.graph, found.phases), Context(effort=Effort.QUICK))
assert all(c.name.startswith("mine:") and len(c.ops) == 1 for c in plan.clusters)
print(sorted({p.unit for p in plan.placement}), judge(plan).latency > 0)
"""


LOAD = "from mapper.hw import plugins\nplugins.load({group!r}, {name!r})"


@pytest.mark.slow
def test_its_pass_runs_in_a_pipeline_and_its_chip_loads_by_name(site: Path, tmp_path: Path) -> None:
    done = python(COMPILE, tmp_path, site)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "['host', 'npu'] True"


def test_its_names_are_listed_beside_the_built_in_ones(site: Path, tmp_path: Path) -> None:
    code = "from mapper.hw import plugins, library\nprint(*plugins.names('passes'), *library.target_names())"
    listed = python(code, tmp_path, site).stdout.split()
    assert {"partition-every-op", "partition", "example-soc", "superhet"} <= set(listed)


def test_a_name_with_two_owners_is_refused_and_both_are_named(site: Path, tmp_path: Path) -> None:
    entries = "[mapper.passes]\npartition-every-op = other.module:Other\n"
    other = distribution(tmp_path / "other", "other-plugin", entries)
    done = python(LOAD.format(group="passes", name="partition-every-op"), tmp_path, site, other)
    assert "pass 'partition-every-op' is provided by hetmap-example and other-plugin" in done.stderr


def test_a_built_in_name_has_no_privilege(tmp_path: Path) -> None:
    other = distribution(tmp_path / "other", "other-plugin", "[mapper.unit_models]\ngpu = other.module:Gpu\n")
    done = python(LOAD.format(group="unit_models", name="gpu"), tmp_path, other)
    assert "unit model 'gpu' is provided by hetmap and other-plugin" in done.stderr


def test_a_broken_plugin_says_whose_it_is_and_why(tmp_path: Path) -> None:
    broken = distribution(tmp_path / "broken", "broken-plugin", "[mapper.passes]\nbroken = no_such_module:Pass\n")
    done = python(LOAD.format(group="passes", name="broken"), tmp_path, broken)
    assert (
        "pass 'broken' of broken-plugin is broken: ModuleNotFoundError: No module named 'no_such_module'" in done.stderr
    )
    assert "entry point mapper.passes: broken = no_such_module:Pass" in done.stderr


def test_a_broken_plugin_does_not_disturb_the_others(tmp_path: Path) -> None:
    broken = distribution(tmp_path / "broken", "broken-plugin", "[mapper.passes]\nbroken = no_such_module:Pass\n")
    assert python(LOAD.format(group="passes", name="partition"), tmp_path, broken).returncode == 0


def test_without_the_plugin_its_pass_is_unknown() -> None:
    from mapper.hw import plugins

    with pytest.raises(MapperError, match="no pass named 'partition-every-op'"):
        plugins.load("passes", "partition-every-op")
