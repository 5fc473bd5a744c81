import json
from pathlib import Path

import pytest

from benchmarks import partitioning
from benchmarks.instances.dnn_partitioning import Instance
from benchmarks.solving import main
from mapper.solve.stages import Solution, verify

HEAD = "objective,instance,contiguous_optimum,contiguous_source,best_known_any_split,one_accelerator\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A chain of four nodes on two accelerators, as a throughput and as a latency graph."""
    node = {"supportedOnFpga": 1, "isBackwardNode": 0, "size": 1, "cpuLatency": 40.0, "fpgaLatency": 4.0}
    graph = {
        "maxSizePerFPGA": 4,
        "maxFPGAs": 2,
        "maxCPUs": 1,
        "nodes": [node | {"id": 10 + i, "colorClass": i} for i in range(4)],
        "edges": [{"sourceId": 10 + i, "destId": 11 + i, "cost": 0.5} for i in range(3)],
    }
    for kind in ("throughput", "latency"):
        file = tmp_path / f"{kind}-inputs/LayerGraphs/chain.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(graph))
    return tmp_path


def _run(folder: Path, *more: str) -> int:
    options = [str(folder), "--workers", "1", "--seconds", "2", *more]
    return main(partitioning.__doc__, partitioning.cases, partitioning.bars, options, partitioning.warm)


def test_every_graph_is_solved_and_written(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "best_known.csv").write_text(
        HEAD + "throughput,LayerGraphs/chain,8.5,DP,8.5,16\nlatency,LayerGraphs/chain,,,,greedy=17.9\n"
    )
    wanted = ("--only", "contiguous/*", "--only", "latency/*")
    assert _run(folder, "--solutions", str(tmp_path / "out"), *wanted) == 0
    written = json.loads((tmp_path / "out/LayerGraphs-chain.contiguous.json").read_text())
    assert written["contiguous"] is True
    problem = Instance(folder / "throughput-inputs/LayerGraphs/chain.json").problem(contiguous=True)
    device = tuple(problem.device_names.index(written["device"][str(10 + i)]) for i in range(4))
    verify(problem, Solution(device))
    assert problem.value(Solution(device)) == 8.5e9
    latency = json.loads((tmp_path / "out/LayerGraphs-chain.latency.json").read_text())
    assert latency["objective"] == "latency"
    assert len(set(latency["device"].values())) == 1
    assert "MISSED" not in capsys.readouterr().out


def test_without_a_table_no_ratio_is_asked_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(folder, "--only", "contiguous/*") == 0
    assert "all 0 with a published value" in capsys.readouterr().out


def test_a_better_published_value_misses_the_bar(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "best_known.csv").write_text(HEAD + "throughput,LayerGraphs/chain,8.0,DP,8.0,16\n")
    assert _run(folder, "--only", "contiguous/*") == 1
    assert "MISSED  contiguous: at most the published optimum: LayerGraphs-chain.contiguous 1.06250" in (
        capsys.readouterr().out
    )
