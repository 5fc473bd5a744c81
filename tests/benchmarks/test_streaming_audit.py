"""A written schedule of a public dump, counted again from the two JSON files alone, without anything of mapper."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from benchmarks import streaming
from benchmarks.solving import main

NAMES = ("encoder_block_s32_d64__tpu_like_quad_core", "encoder_block_s128_d256__tpu_like_quad_core")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_schedule_keeps_to_the_costs_of_the_file(name: str, bench_folder: Path, tmp_path: Path) -> None:
    folder = bench_folder / "stream"
    arguments = [str(folder), "--only", f"*{name}", "--seconds", "4", "--solutions", str(tmp_path)]
    main(streaming.__doc__, streaming.cases, streaming.bars, arguments)
    instance = json.loads((folder / f"{name}.json").read_text())
    schedule = json.loads((tmp_path / f"{name}.json").read_text())
    groups = {str(group["group"]): group for group in instance["groups"]}
    changes: dict[tuple[str, int], list[tuple[int, float]]] = defaultdict(list)
    firings: dict[tuple[str, str], set[int]] = defaultdict(set)
    lenders: dict[str, tuple[str, str]] = {}
    outside = 0.0
    for group, node_name, firing, start, end, pieces in schedule["steps"]:
        node = next(n for n in groups[group]["nodes"] if n["name"] == node_name and n["kind"] != "edge")
        firings[group, node_name].add(firing)
        if node["kind"] == "compute":
            assert end - start >= node["runtime"]
            assert len(pieces) == 1
            for core in node["cores"][0]:
                changes["core", core] += [(start, 1.0), (end, -1.0)]
            continue
        route, way = node["routes"][0], way_of(node, schedule["ways"])
        if way == "lent" and lenders.setdefault(outside_name(node), (group, node_name)) == (group, node_name):
            way = "away"  # the first reader has it from outside
        if way == "pushed" and node["transfer_type"] == "MEM_TO_COMPUTE":
            assert start == end  # it is there already
            continue
        beyond = outside_cycles(groups[group], node, instance["offchip_core_id"]) if way == "away" else 0.0
        done = sum((to - since) * speed for since, to, speed in pieces)
        assert done >= max(route["cycles"] * bool(route["link_load"]), beyond) - 1e-3
        outside += beyond
        for since, to, speed in pieces:
            for line, cycles in (("bus", route["cycles"] if route["link_load"] else 0), ("outside", beyond)):
                changes[line, 0] += [(since, cycles * speed / done), (to, -cycles * speed / done)]
    for line, moments in changes.items():
        level = 0.0
        for _, amount in sorted(moments):
            level += amount
            assert level <= 1 + 1e-9, line
    for key, group in groups.items():
        for node in group["nodes"]:
            if node["kind"] == "compute":
                assert len(firings[key, node["name"]]) == node["active_fraction"] * group["iterations"]
    assert schedule["cycles"] == max(end for *_, end, _ in schedule["steps"])
    assert outside <= schedule["cycles"]


def way_of(node: dict[str, Any], ways: dict[str, str]) -> str:
    """How the value of a transfer goes; 'near' within a group."""
    if node["transfer_type"] == "COMPUTE_TO_COMPUTE":
        return "near"
    name = node["tensor"] if node["transfer_type"] == "COMPUTE_TO_MEM" else outside_name(node)
    return ways.get(name, "away")


def outside_name(node: dict[str, Any]) -> str:
    """The tensor outside that a transfer reads."""
    match = re.fullmatch(r"Transfer\((.*?)(?: for .*)?\)", node["name"])
    assert match is not None
    return match[1]


def outside_cycles(group: dict[str, Any], node: dict[str, Any], core: int) -> float:
    """The cycles of a transfer at the port of the memory outside."""
    rates = {str(port["id"]): port["bits_per_cycle"] for port in group["ports"] if core in port["cores"]}
    return sum(bits / rates[port] for port, bits in node["routes"][0]["port_bits"].items() if port in rates)
