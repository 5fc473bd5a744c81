import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.instances.dnn_partitioning import Instance
from mapper.errors import MapperError


def _graph(**changes: Any) -> dict[str, Any]:
    nodes = [
        {"id": 7, "supportedOnFpga": 1, "cpuLatency": 2.5, "fpgaLatency": 0.25, "isBackwardNode": 0, "size": 10.0},
        {"id": 9, "supportedOnFpga": False, "cpuLatency": 1, "fpgaLatency": 0, "isBackwardNode": True, "colorClass": 4},
    ]
    edges = [{"sourceId": 7, "destId": 9, "cost": 0.5}]
    return {"maxSizePerFPGA": 20.0, "maxFPGAs": 2, "maxCPUs": 1, "nodes": nodes, "edges": edges} | changes


def _write(folder: Path, graph: dict[str, Any]) -> Path:
    path = folder / "graph.json"
    path.write_text(json.dumps(graph))
    return path


def test_a_graph_is_read(tmp_path: Path) -> None:
    instance = Instance(_write(tmp_path, _graph()))
    problem = instance.problem(contiguous=False)
    problem.check()
    assert problem.device_names == ("acc0", "acc1", "cpu0")
    assert problem.edges == ((0, 1),)
    assert problem.nodes[0].times == (250_000_000, 2_500_000_000)
    assert problem.nodes[0].transfer == 500_000_000
    assert problem.nodes[1].times == (None, 1_000_000_000)
    assert (problem.nodes[1].tie, problem.nodes[1].backward) == (4, True)
    assert instance.in_units(problem.nodes[0].transfer) == 0.5


def test_times_from_1e18_on_are_forbidden(tmp_path: Path) -> None:
    graph = _graph()
    graph["nodes"][0]["cpuLatency"] = 1e18
    assert Instance(_write(tmp_path, graph)).problem(contiguous=True).nodes[0].times == (250_000_000, None)


def test_large_times_take_coarser_ticks(tmp_path: Path) -> None:
    graph = _graph()
    graph["nodes"][0]["cpuLatency"] = 1e9
    assert Instance(_write(tmp_path, graph)).ticks == 10**6


def test_unequal_costs_of_one_output_are_refused(tmp_path: Path) -> None:
    edges = [{"sourceId": 7, "destId": 9, "cost": 0.5}, {"sourceId": 7, "destId": 9, "cost": 0.75}]
    with pytest.raises(MapperError, match="node 7"):
        Instance(_write(tmp_path, _graph(edges=edges)))


def test_an_edge_to_an_unknown_node_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MapperError, match="not a graph"):
        Instance(_write(tmp_path, _graph(edges=[{"sourceId": 7, "destId": 8, "cost": 0.5}])))


def test_two_nodes_with_the_same_id_are_refused(tmp_path: Path) -> None:
    graph = _graph()
    graph["nodes"][1]["id"] = 7
    with pytest.raises(MapperError):
        Instance(_write(tmp_path, graph | {"edges": []}))


@pytest.mark.parametrize(
    ("key", "value"), [("maxFPGAs", "2"), ("maxCPUs", None), ("maxSizePerFPGA", float("nan")), ("maxSizePerFPGA", "1")]
)
def test_devices_that_are_no_numbers_are_refused(tmp_path: Path, key: str, value: object) -> None:
    with pytest.raises(MapperError, match="not a graph"):
        Instance(_write(tmp_path, _graph() | {key: value}))


def test_a_memory_beyond_all_sizes_is_no_limit(tmp_path: Path) -> None:
    written = _write(tmp_path, _graph() | {"maxSizePerFPGA": 1e25})
    assert Instance(written).problem(contiguous=True).classes[0].memory is None
