from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from emit_builders import given, run_steps, run_whole
from mixture_builders import EXPERTS, ROWS, WIDTH, in_one_node, stacked
from rank_builders import divided, emitted

from mapper.emit.manifest import Manifest
from mapper.ir.plan import Task

CLOSE = 2e-6


def by_expert(task: Task, ways: list[str]) -> str:
    return next((way for word in ("expert", "combine") for way in ways if word in way.split("+")), "copy")


def largest_error(manifest: Manifest, out: Path, path: Path) -> float:
    """Over inputs that pick other experts each time."""
    (part,) = manifest.phases
    found = []
    for seed in range(4):
        scale = 3.0 if seed else 0.0  # all tokens alike: some ranks have no rows
        x = scale * np.random.default_rng(seed).normal(size=(ROWS, WIDTH)) + 1.0
        values = given(part) | {"x": x.astype(np.float32)}
        made, wanted = run_steps(out, part, values)["y"], run_whole(path, values)["y"]
        found.append(float(np.abs(made - wanted).max() / np.abs(wanted).max()))
    return float(np.max(found))


def experts_of(out: Path) -> Counter[int]:
    """How often weights of so many experts are read."""
    found = Counter[int]()
    for file in sorted(out.glob("*.onnx")):
        for tensor in onnx.load(str(file), load_external_data=False).graph.initializer:
            if len(tensor.dims) == 3:
                found[tensor.dims[0]] += 1
    return found


@pytest.mark.parametrize("ranks", [2, 4])
@pytest.mark.parametrize("pick", ["Gather", "GatherND"])
def test_rows_go_to_the_ranks_that_have_their_experts(tmp_path: Path, pick: str, ranks: int) -> None:
    path = stacked(tmp_path / "mixture.onnx", pick)
    manifest = emitted(divided(path, ("run: calls=1",), ranks, by_expert), path, tmp_path / "out")
    assert not manifest.moved
    assert largest_error(manifest, tmp_path / "out", path) < CLOSE
    assert [s.collective for s in manifest.phases[0].steps if s.role != "compute"] == ["all_reduce"]
    sizes = [EXPERTS * (r + 1) // ranks - EXPERTS * r // ranks for r in range(ranks)]
    assert experts_of(tmp_path / "out") == Counter({n: 2 * sizes.count(n) for n in sizes})


@pytest.mark.parametrize(("normal", "quantised"), [(True, False), (False, False), (True, True)])
def test_a_mixture_in_one_node_is_dealt_with_the_weights_of_the_whole_router(
    tmp_path: Path, normal: bool, quantised: bool
) -> None:
    path = in_one_node(tmp_path / "mixture.onnx", normal=normal, quantised=quantised)
    manifest = emitted(divided(path, ("run: calls=1",), 4, by_expert), path, tmp_path / "out")
    assert not manifest.moved
    assert largest_error(manifest, tmp_path / "out", path) < CLOSE
    assert experts_of(tmp_path / "out") == Counter({1: 4, 2: 4})


def test_a_node_whose_routing_weights_differ_from_runtime_to_runtime_is_run_whole(tmp_path: Path) -> None:
    path = in_one_node(tmp_path / "mixture.onnx", normal=False, quantised=True)
    manifest = emitted(divided(path, ("run: calls=1",), 2, by_expert), path, tmp_path / "out")
    assert [(m.node, m.why) for m in manifest.moved] == [
        ("mixture", "runtimes differ in what its routing weights sum to")
    ]
    assert largest_error(manifest, tmp_path / "out", path) < CLOSE
