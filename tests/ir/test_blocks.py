from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

import mapper
from mapper.ir.blocks import blocks, canonical_order
from mapper.ir.graph import sort_ops
from mapper.ir.plan import Plan
from samples.models.build import MODELS


def partitioned(folder: Path, name: str, layers: int) -> Plan:
    file = folder / f"{name}-{layers}.onnx"
    if not file.exists():
        file.write_bytes(MODELS[name](layers, None).SerializeToString())
    phase = "run: batch=1 seq=8" + ("" if name.startswith("bert") else " past=0")
    return mapper.compile(file, "superhet", [phase], stop_after="partition").plan


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("blocks")


@pytest.mark.parametrize("name", ["gpt2-tiny", "bert-tiny", "decoder-tiny"])
@pytest.mark.parametrize("layers", [3, 7])
def test_the_layers_of_a_transformer_are_one_block(folder: Path, name: str, layers: int) -> None:
    plan = partitioned(folder, name, layers)
    (block,) = plan.blocks or ()
    assert layers - 1 <= len(block.instances) <= layers
    inside = {c for instance in block.instances for c in instance}
    assert len(inside) == len(block.instances) * len(block.instances[0])
    more = partitioned(folder, name, layers + 1)
    assert len(more.clusters or ()) - len(plan.clusters or ()) == len(block.instances[0])


def test_what_is_found_does_not_depend_on_the_order_of_the_nodes(folder: Path) -> None:
    plan = partitioned(folder, "gpt2-tiny", 5)
    shuffled = list(plan.clusters or ())
    random.Random(3).shuffle(shuffled)
    assert [c.name for c in canonical_order(plan.graph, shuffled)] == [
        c.name for c in canonical_order(plan.graph, plan.clusters or ())
    ]
    assert blocks(plan.graph, shuffled) == plan.blocks


def test_producers_come_before_users(folder: Path) -> None:
    plan = partitioned(folder, "decoder-tiny", 4)
    order = [plan.graph.op[n] for c in canonical_order(plan.graph, plan.clusters or ()) for n in c.ops]
    assert {o.name for o in order} == set(plan.graph.op)
    assert tuple(order) == sort_ops(order)


def test_a_layer_that_is_wired_in_another_way_is_a_class_of_its_own(folder: Path) -> None:
    plan = partitioned(folder, "gpt2-tiny", 7)
    (block,) = plan.blocks or ()
    table, graph = plan.cluster, plan.graph
    middle = table[block.instances[3][-1]].ops[-1]
    far = next(n for n in graph.op[table[block.instances[0][-1]].ops[-1]].inputs if n in graph.producer)
    changed = replace(graph.op[middle], inputs=(*graph.op[middle].inputs[:-1], far))
    other = replace(graph, ops=tuple(changed if op.name == middle else op for op in graph.ops))
    found = blocks(other, plan.clusters or ())
    assert [len(b.instances) for b in found] == [3, 3]
    assert not any(middle in table[c].ops for b in found for instance in b.instances for c in instance)


def test_unlike_clusters_have_no_blocks(folder: Path) -> None:
    plan = partitioned(folder, "gpt2-tiny", 1)
    assert plan.blocks == ()
