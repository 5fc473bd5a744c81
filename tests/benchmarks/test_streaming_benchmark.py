"""The reader of Stream's dumps, the streaming benchmark's bars and its check, on a dump of one layer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import streaming, streaming_check
from benchmarks.instances import stream
from benchmarks.instances.stream_groups import mixtures
from benchmarks.solving import main
from mapper.errors import MapperError
from mapper.solve.streaming import Role


def port(identity: int, core: int, rate: float) -> dict[str, Any]:
    return {"id": identity, "name": f"port {identity}", "cores": [core], "bits_per_cycle": rate}


def transfer(identity: int, name: str, kind: str, tensor: str, route: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": identity, "name": f"Transfer({name})", "class": "TransferNode", "slot": identity, "kind": "transfer",
        "transfer_type": kind, "tensor": tensor, "tensor_bits": 640, "active_fraction": 1.0, "routes": [route],
        "reuse_options": [{"stop": -1, "reuse_factor": 1, "tiles": 2}], "reuse_factor_chosen": 1.0, **more,
    }  # fmt: skip


def group(number: int, source: str, result: str, edge_out: str) -> dict[str, Any]:
    """A layer on core 0, read and saved over the bus in two tiles of 640 bits."""
    inward = {
        "sources": [1], "targets": [0], "cycles": 5, "moved_bits": 640, "link_load": {"0": 1.0},
        "port_bits": {"2": 640, "1": 640}, "links_used": [0], "chosen": True,
    }  # fmt: skip
    outward = {**inward, "sources": [0], "targets": [1], "port_bits": {"0": 640, "2": 640}}
    layer = {
        "id": 2, "name": f"layer {number}", "class": "ComputationNode", "slot": 2, "kind": "compute", "op": "Gelu",
        "cores": [[0]], "lut": {"0": {"latency": 7, "energy_pj": 1.0}}, "active_fraction": 1.0, "runtime": 7,
        "port_bits": {"0": 640, "1": 640}, "carries_state": False,
    }  # fmt: skip
    nodes = [
        {"id": 0, "name": source, "class": "InEdge", "slot": 0, "kind": "edge"},
        transfer(1, source, "MEM_TO_COMPUTE", f"{source}_1", inward),
        layer,
        transfer(3, f"{result}_1", "COMPUTE_TO_MEM", result, outward),
        {"id": 4, "name": edge_out, "class": "OutEdge", "slot": 4, "kind": "edge"},
    ]
    return {
        "group": number, "iterations": 2, "max_slot": 4, "ports": [port(0, 0, 256), port(1, 0, 256), port(2, 1, 64)],
        "nodes": nodes, "edges": [[0, 1], [1, 2], [2, 3], [3, 4]], "tensors": [],
        "solution": {"total": 44, "iteration": 27, "overlap": 10, "fill": 3},
    }  # fmt: skip


def dump(**changes: Any) -> dict[str, Any]:
    core = {"type": "compute", "operator_types": None, "memory_capacity_bits": 10_000}
    data: dict[str, Any] = {
        "format": "stream-h2h/1",
        "inputs": {"hardware": "two.yaml", "workload": "block.onnx"},
        "offchip_core_id": 1,
        "cores": [
            {**core, "id": 0, "name": "a", "memory_shared_with": 0},
            {**core, "id": 1, "name": "dram", "type": "offchip", "memory_shared_with": 1},
        ],
        "groups": [group(0, "x", "h", "h_cut_out"), group(1, "h", "y", "y")],
        "links": [{"id": 0, "name": "Bus", "kind": "bus", "members": [0, 1], "bandwidth_bits_per_cycle": 128}],
        "stream_result": {"total_cycles": 88.0},
    }
    return {**data, **changes}


def write(folder: Path, data: object, name: str = "block.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(data))
    return path


def test_a_dump_is_read_with_its_costs(tmp_path: Path) -> None:
    instance = stream.read(write(tmp_path, dump()))
    problem = instance.problem
    assert instance.stream_cycles == 88
    assert [node.role for node in problem.groups[0].nodes] == [Role.READ, Role.COMPUTE, Role.SAVE]
    names = {problem.lines[line].name: cycles for line, cycles in problem.groups[0].nodes[0].load}
    assert names == {"Bus": 5, "port 2": 10, "port 1": 3}  # 640 bits at 128, 64 and 256 bits a cycle
    assert problem.groups[0].drain == 3
    assert [(value.name, [way.name for way in value.ways]) for value in problem.values] == [
        ("h", ["pushed", "kept", "parked", "away"])
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "its format is not stream-h2h/1"),
        (dump(format="other"), "its format is not stream-h2h/1"),
        ({"format": "stream-h2h/1"}, "KeyError 'inputs'"),
        (dump(groups=[{**group(0, "x", "y", "y"), "iterations": 0.5}]), "is active in 0.5 iterations"),
        (dump(groups=[{**group(0, "x", "y", "y"), "edges": [[1, 2], [2, 1]]}]), "its edges have a cycle"),
    ],
)
def test_a_bad_dump_is_told_with_its_file(tmp_path: Path, data: object, message: str) -> None:
    with pytest.raises(MapperError, match=message) as error:
        stream.read(write(tmp_path, data))
    assert "block.json" in error.value.message


def test_reuse_options_are_a_loop_nest(tmp_path: Path) -> None:
    node = {"name": "w", "reuse_options": [{"stop": -1, "reuse_factor": 1, "tiles": 2}]}
    node["reuse_options"] += [{"stop": 0, "reuse_factor": 1, "tiles": 4}, {"stop": 1, "reuse_factor": 2, "tiles": 4}]
    window = stream.window_of(node, 8, 1, 8)
    assert [(loop.size, loop.moves) for loop in window] == [(4, True), (2, False)]
    assert stream.window_of(node, 8, 8, 8) == ()  # eight firings are wanted
    assert stream.window_of(node, 8, 1, 1) == ()  # no tile may be used twice
    node["reuse_options"] += [{"stop": 2, "reuse_factor": 3, "tiles": 6}]
    assert stream.window_of(node, 8, 1, 8) == window  # three is not a multiple of two


def test_a_folder_is_solved_written_and_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, dump())
    write(tmp_path, {"format": "stream-modes/1"}, "block.modes.json")
    arguments = [str(tmp_path), "--solutions", str(tmp_path / "out")]
    assert main(streaming.__doc__, streaming.cases, streaming.bars, arguments) == 0
    table = capsys.readouterr().out
    assert "block not above Stream's 88 cycles" in table
    written = tmp_path / "out" / "block.json"
    assert streaming_check.main([str(path), str(written)]) == 0
    schedule = json.loads(written.read_text())
    schedule["steps"][0][5][0][1] -= 1
    written.write_text(json.dumps(schedule))
    assert streaming_check.main([str(path), str(written)]) == 1
    assert "error: duration: 'Transfer(x)' of group '0', firing 0" in capsys.readouterr().out


def test_more_cycles_than_streams_miss_the_bar(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, dump(stream_result={"total_cycles": 20.0}))
    assert main(streaming.__doc__, streaming.cases, streaming.bars, [str(tmp_path)]) == 1
    assert "MISSED  block not above Stream's 20 cycles" in capsys.readouterr().out


def test_groups_of_two_files_are_mixed_and_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = write(tmp_path, dump(), "one.json")
    slow = {**group(1, "h", "y", "y"), "iterations": 1}
    other = write(tmp_path, dump(groups=[group(0, "x", "h", "h_cut_out"), slow]), "other.json")
    mixed = mixtures({"one": stream.load(one), "other": stream.load(other)})
    assert [[g["group"] for g in data["groups"]] for data in mixed] == [["one/0", "one/1"]]  # the same layers
    both = fused(group(0, "x", "h", "h_cut_out"), group(1, "h", "y", "y"))
    other = write(tmp_path, dump(groups=[both]), "other.json")
    arguments = [str(tmp_path), "--solutions", str(tmp_path / "out"), "--seconds", "2"]
    assert main(streaming.__doc__, streaming.cases, streaming.bars, arguments) == 0
    assert "2 mixtures" in capsys.readouterr().out
    written = tmp_path / "out" / "block__two__any_groups.json"
    assert streaming_check.main([str(one), str(other), str(written)]) == 0


def fused(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Two groups as one, what is between them moved from core 0 to core 0 without time."""
    nodes = [node for node in first["nodes"] if node["id"] < 3]
    local = {
        "sources": [0], "targets": [0], "cycles": 0, "moved_bits": 640, "link_load": {}, "port_bits": {},
        "links_used": [], "chosen": True,
    }  # fmt: skip
    nodes.append(transfer(3, "h", "COMPUTE_TO_COMPUTE", "h_1", local))
    nodes += [{**node, "id": node["id"] + 2} for node in second["nodes"] if node["id"] >= 2]
    return {**first, "nodes": nodes, "edges": [[0, 1], [1, 2], [2, 3], [3, 4], [4, 5], [5, 6]]}
