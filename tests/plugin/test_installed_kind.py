"""An installed third-party kind: its operator is understood, priced, mapped and checked, and told apart from others."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from plugin_sites import distribution, python

MODEL = """
import onnx
from onnx import TensorProto, helper
def info(name, shape): return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
nodes = [
    helper.make_node("Relu", ["x"], ["a"]),
    helper.make_node("FlashFFTConv", ["a", "filter"], ["b"], domain="my.domain", order=2),
    helper.make_node("FlashFFTConv", ["b", "filter"], ["c"], domain="my.domain", order=2),
    helper.make_node("Relu", ["c"], ["y"]),
]
weight = helper.make_tensor("filter", TensorProto.FLOAT, [16, 256], bytes(16 * 256 * 4), raw=True)
stated = [info(n, ["batch", 16, 256]) for n in {stated}]
ends = [info("x", ["batch", 16, 256])], [info("y", None)]
graph = helper.make_graph(nodes, "hyena", *ends, [weight], value_info=stated)
imports = [helper.make_opsetid("", 18), helper.make_opsetid("my.domain", 1)]
onnx.save(helper.make_model(graph, opset_imports=imports), "model.onnx")
"""
COMPILE = """
import mapper
pipeline = "partition,options,place-greedy,schedule{effort=0},memory,judge"
done = mapper.compile("model.onnx", "superhet", dims={"batch": 2}, pipeline=pipeline)
done.save("out")
mapper.check(mapper.load_plan("out/plan.json"))
print(*(f"{op.kind}/{op.attr('order')}" for op in done.plan.graph.ops if op.attr("domain")))
print(sorted({done.plan.target.unit[p.unit].model_name for p in done.plan.placement if "conv" in p.task.lower()}))
print(*done.warnings, sep="\\n")
"""
INSPECT = """
import mapper
found = mapper.inspect("model.onnx", dims={"batch": 2})
print(found.macs, [row.kind for row in found.phases[0].kinds], found.warnings)
"""
ALIKE = """
from mapper import Kind
KIND = Kind("{name}", "alike", lambda view: (("elements", 1), ("flops", 1)), operators=("{operator}",), like="{like}")
"""


Done = subprocess.CompletedProcess[str]


def run(code: str, folder: Path, *sites: Path, stated: str = "''") -> Done:
    return python(MODEL.replace("{stated}", stated) + code, folder, *sites)


@pytest.fixture(scope="module")
def saved(site: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    """A folder with the plan of a model that was compiled beside the plug-in, and what was printed."""
    folder = tmp_path_factory.mktemp("saved")
    return folder, run(COMPILE, folder, site)


def rival(folder: Path, name: str, operator: str, like: str = "elementwise") -> Path:
    """Another installed package with a kind of that name for that operator."""
    folder.mkdir()
    text = ALIKE.replace("{name}", name).replace("{operator}", operator).replace("{like}", like)
    (folder / "rival.py").write_text(text, encoding="utf-8")
    return distribution(folder, "rival-plugin", f"[mapper.kinds]\n{name} = rival:KIND\n")


@pytest.mark.slow
def test_a_model_with_its_operator_is_compiled_and_checked(saved: tuple[Path, Done]) -> None:
    _, done = saved
    assert done.returncode == 0, done.stderr
    kinds, units, *warnings = done.stdout.splitlines()
    assert kinds == "flash-fft-conv/2 flash-fft-conv/2"
    assert units != "[]"
    assert not any("opaque" in w for w in warnings)


def test_its_work_is_that_of_the_kind_it_is_like(site: Path, tmp_path: Path) -> None:
    macs = 2 * (2 * 2 * 2 * 16 * 16) * 16 * 16
    assert run(INSPECT, tmp_path, site).stdout.startswith(f"{macs} ['flash-fft-conv', ")


@pytest.mark.slow
def test_without_the_plugin_its_operator_is_opaque_runs_on_a_cpu_and_is_warned_of_once(tmp_path: Path) -> None:
    done = run(COMPILE, tmp_path, stated="'bc'")
    assert done.returncode == 0, done.stderr
    kinds, units, *warnings = done.stdout.splitlines()
    assert kinds == "opaque/None opaque/None"
    assert units == "['cpu']"
    assert [w for w in warnings if "opaque" in w] == [
        "2 opaque ops, costed by their bytes; only units that take opaque ops can run them: 2 x "
        "my.domain::FlashFFTConv (no installed package knows domain 'my.domain')"
    ]


@pytest.mark.slow
def test_without_the_plugin_and_without_stated_shapes_one_is_assumed_and_told(tmp_path: Path) -> None:
    done = run(INSPECT, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "the shape that my.domain::FlashFFTConv makes" in done.stdout
    assert "--expect " in done.stdout


@pytest.mark.slow
def test_a_saved_plan_needs_the_plugin_and_says_so(saved: tuple[Path, Done]) -> None:
    folder, _ = saved
    done = python('import mapper\nmapper.check(mapper.load_plan("out/plan.json"))', folder)
    assert "unknown kind 'flash-fft-conv' (is the package that brings it installed?)" in done.stderr


def test_an_operator_with_two_owners_is_refused_and_both_are_named(site: Path, tmp_path: Path) -> None:
    other = rival(tmp_path / "other", "fft", "my.domain::FlashFFTConv")
    error = run(INSPECT, tmp_path, site, other).stderr
    assert "operator my.domain::FlashFFTConv has 2 owners" in error
    assert "kind 'fft' of rival-plugin" in error
    assert "kind 'flash-fft-conv' of hetmap-example" in error


@pytest.mark.slow
def test_a_built_in_operator_has_an_owner_already(tmp_path: Path) -> None:
    other = rival(tmp_path / "other", "my-relu", "Relu")
    error = run(INSPECT, tmp_path, other, stated="'bc'").stderr
    assert "kind 'elementwise' of hetmap and kind 'my-relu' of rival-plugin" in error


@pytest.mark.slow
def test_a_built_in_name_has_an_owner_already(tmp_path: Path) -> None:
    other = rival(tmp_path / "other", "matmul", "my.domain::FlashFFTConv")
    assert "kind 'matmul' is provided by hetmap and rival-plugin" in run(INSPECT, tmp_path, other).stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("like", "words"),
    [
        ("matmull", "is priced like 'matmull', which is no built-in kind"),
        ("matmul", "is priced like matmul, but its dims lack batch, m, n, k"),
    ],
)
def test_a_kind_that_cannot_be_priced_is_refused(tmp_path: Path, like: str, words: str) -> None:
    other = rival(tmp_path / "other", "fft", "my.domain::FlashFFTConv", like)
    assert words in run(INSPECT, tmp_path, other, stated="'bc'").stderr


@pytest.mark.slow
def test_a_broken_kind_is_an_error_only_where_it_might_be_asked_for(tmp_path: Path) -> None:
    entries = "[mapper.kinds]\nbroken = no_such_module:KIND\n"
    broken = distribution(tmp_path / "broken", "broken-plugin", entries)
    error = run(INSPECT, tmp_path, broken, stated="'bc'").stderr
    assert "kind 'broken' of broken-plugin is broken: ModuleNotFoundError" in error
    known = MODEL.replace('"FlashFFTConv", ["a", "filter"], ["b"], domain="my.domain", order=2', '"Exp", ["a"], ["b"]')
    known = known.replace('"FlashFFTConv", ["b", "filter"], ["c"], domain="my.domain", order=2', '"Exp", ["b"], ["c"]')
    done = python(known.replace("{stated}", "''") + INSPECT, tmp_path, broken)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_an_entry_that_is_no_kind_is_refused(tmp_path: Path) -> None:
    other = rival(tmp_path / "other", "fft", "my.domain::FlashFFTConv")
    (other / "rival.py").write_text("KIND = 'fft'\n", encoding="utf-8")
    assert "kind 'fft' of rival-plugin is 'fft', not a mapper.Kind" in run(INSPECT, tmp_path, other).stderr
