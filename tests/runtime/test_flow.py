from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from folders import Folder, Node, growing, phase, tensor, two_units

from mapper.emit.manifest import NAME, DimLine, InputLine, Part, StateLine, load, sealed, to_json
from mapper.errors import MapperError
from mapper.runtime.inputs import made_up
from mapper.runtime.memory import Arena
from mapper.runtime.program import Place
from mapper.runtime.run import Ran, Settings, opened, run
from mapper.runtime.tensors import Array

Results = dict[tuple[int, int, str], Array]
KINDS = ("none", "process")


def ran(folder: Path, kind: Any = "none", requests: int = 1, inflight: int = 0) -> tuple[Results, Ran, Any]:
    """All results by request, call and name; how it ran; what was brought."""
    how = Settings(kind, requests, inflight)
    emitted = opened(folder, how)
    inputs = made_up(emitted.program, requests, 0)
    found: Results = {}

    def take(request: int, at: int, results: Mapping[str, Array]) -> None:
        found.update({(request, at, name): array.copy() for name, array in results.items()})

    return found, run(emitted, how, inputs, take), inputs


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_goes_from_the_unit_that_makes_it_to_the_one_that_reads_it(kind: str, tmp_path: Path) -> None:
    found, _, inputs = ran(two_units(tmp_path), kind, requests=5)
    for request in range(5):
        x = inputs(request, 0, "x")
        assert np.array_equal(found[request, 0, "y"], (x + x) * (x + x))


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_goes_from_call_to_call_and_from_phase_to_phase(kind: str, tmp_path: Path) -> None:
    found, how, inputs = ran(growing(tmp_path), kind, requests=4)
    for request in range(4):
        cache = inputs(request, 0, "n")
        for at in (1, 2, 3):
            cache = np.concatenate([cache, inputs(request, at, "n")])
            assert np.array_equal(found[request, at, "c"], cache)
            assert found[request, at, "sum"] == pytest.approx(cache.sum(), rel=1e-6)
    assert not how.record.refitted
    assert [len(how.record.calls), len(how.record.steps)] == [16, 28]


def test_a_state_of_another_size_than_the_next_call_takes_is_fitted_and_told(tmp_path: Path) -> None:
    found, how, inputs = ran(growing(tmp_path, first_past=4))
    assert np.array_equal(found[0, 1, "c"], [*inputs(0, 0, "n"), 0, 0, *inputs(0, 1, "n")])
    assert how.record.refitted == {"grow: past": "2 made 4"}


@pytest.mark.parametrize("kind", KINDS)
def test_results_whose_size_depends_on_data_are_taken_as_they_come_and_told(kind: str, tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    values = [tensor("x", 2, 3), tensor("at", 2, "found", dtype="int64"), tensor("count", 2, dtype="int64")]
    steps = [
        folder.step("a", values, [("NonZero", ["x"], ["at"], {})]),
        folder.step("b", values, [("Shape", ["at"], ["count"], {})]),
    ]
    dims = (DimLine(name="found", first=1, last=1),)
    folder.manifest([phase(values, steps, ["count"], inputs=(InputLine(value="x"),), dims=dims)])
    found, how, _ = ran(tmp_path, kind, requests=2)
    assert found[1, 0, "count"].tolist() == [2, 6]
    assert how.record.unfit == {"run: at": "2x6, not 2x1 as planned"}


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_that_numpy_does_not_know_go_from_piece_to_piece(kind: str, tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    values = [tensor("x", 2, 3), tensor("h", 2, 3, dtype="bfloat16"), tensor("y", 2, 3)]
    steps = [
        folder.step("a", values, [("Cast", ["x"], ["h"], {"to": 16})]),
        folder.step("b", values, [("Cast", ["h"], ["y"], {"to": 1})]),
    ]
    folder.manifest([phase(values, steps, ["h", "y"], inputs=(InputLine(value="x"),))])
    found, _, inputs = ran(tmp_path, kind)
    assert found[0, 0, "y"] == pytest.approx(inputs(0, 0, "x"), rel=2**-8)
    assert np.array_equal(found[0, 0, "h"].astype(np.float32), found[0, 0, "y"])


def test_no_more_requests_than_asked_for_are_on_their_way(tmp_path: Path) -> None:
    _, how, _ = ran(two_units(tmp_path), requests=6, inflight=2)
    times = sorted(how.record.requests.values())
    assert max(sum(a <= start < b for a, b in times) for start, _ in times) <= 2
    assert how.inflight == 2


def test_a_rank_starts_with_its_part_of_a_state_that_no_call_left(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    parts = [
        tensor(f"past [{k}/2]", 2).model_copy(
            update={"of": "past", "part": Part(rank=k, ranks=2, layout="features", axis=0, start=2 * k, stop=2 * k + 2)}
        )
        for k in range(2)
    ]
    values = [*parts, tensor("y", 2)]
    node: Node = ("Sub", ["past [0/2]", "past [1/2]"], ["y"], {})
    states = tuple(StateLine(name=t.name, past=t.name) for t in parts)
    folder.manifest([phase(values, [folder.step("a", values, [node])], ["y"], states=states)])
    found, _, inputs = ran(tmp_path)
    whole = inputs.whole(0, 0, "past")
    assert whole.shape == (4,)
    assert np.array_equal(found[0, 0, "y"], whole[:2] - whole[2:])


def test_a_result_of_one_file_is_the_input_of_another(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    one, two = [tensor("x", 2), tensor("y", 2)], [tensor("z", 2), tensor("w", 2)]
    first = phase(
        one, [folder.step("a", one, [("Neg", ["x"], ["y"], {})])], ["y"], file="p", inputs=(InputLine(value="x"),)
    )
    second = phase(
        two,
        [folder.step("b", two, [("Abs", ["z"], ["w"], {})])],
        ["w"],
        name="then",
        file="q",
        inputs=(InputLine(value="z"),),
    )
    folder.manifest([first, second], handed=(("p/y", "q/z"),))
    found, _, inputs = ran(tmp_path)
    assert np.array_equal(found[0, 1, "w"], np.abs(inputs(0, 0, "x")))


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_that_onnxruntime_cannot_run_is_told_with_its_unit_and_piece(kind: str, tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    values = [tensor("x", 2, 3), tensor("i", 1, dtype="int64"), tensor("y", 1, 3)]
    step = folder.step("a", values, [("Gather", ["x", "i"], ["y"], {"axis": 0})])
    inputs = (InputLine(value="x"), InputLine(value="i", fill="total", add=7))
    folder.manifest([phase(values, [step], ["y"], inputs=inputs)])
    with pytest.raises(MapperError, match=r"a failed in piece 000-a.onnx: .*indices element out of data bounds"):
        ran(tmp_path, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_piece_that_onnxruntime_does_not_know_is_told_when_it_is_loaded(kind: str, tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    values = [tensor("x", 2), tensor("y", 2)]
    step = folder.step("a", values, [("NoSuchOperator", ["x"], ["y"], {})])
    folder.manifest([phase(values, [step], ["y"], inputs=(InputLine(value="x"),))])
    with pytest.raises(MapperError, match=r"cannot load piece 000-a.onnx: .*NoSuchOperator"):
        ran(tmp_path, kind)


def test_a_unit_that_is_a_gpu_runs_on_the_cpu_only_with_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mapper.runtime.run.has_cuda", lambda: False)
    folder = Folder(tmp_path)
    values = [tensor("x", 2), tensor("y", 2)]
    step = folder.step("gpu0", values, [("Neg", ["x"], ["y"], {})])
    folder.manifest([phase(values, [step], ["y"], inputs=(InputLine(value="x"),))])
    _, how, _ = ran(tmp_path)
    assert how.notes == ("no GPU for gpu0: onnxruntime has no CUDA here, pieces of it ran on the CPU",)
    assert not how.on_gpu


@pytest.mark.parametrize("kind", KINDS)
def test_copies_of_a_unit_share_its_steps(kind: str, tmp_path: Path) -> None:
    growing(tmp_path)
    manifest = load(tmp_path)
    units = tuple(u.model_copy(update={"members": ("a0", "a1")}) if u.name == "a" else u for u in manifest.units)
    (tmp_path / NAME).write_text(to_json(sealed(manifest.model_copy(update={"units": units}))))
    found, how, inputs = ran(tmp_path, kind, requests=4)
    assert {s.place for s in how.record.steps} == {0, 1, 2}
    assert {s.place for s in how.record.steps if (s.part, s.step) == (1, 1)} == {2}
    for request in range(4):
        assert np.array_equal(found[request, 3, "c"], np.concatenate([inputs(request, at, "n") for at in range(4)]))
    assert opened(tmp_path).program.places == (Place("a"), Place("b"))


@pytest.mark.parametrize("first_past", [2, 4])
def test_all_memory_is_given_back_when_the_requests_are_done(
    first_past: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arenas: list[Arena] = []

    def made() -> Arena:
        arenas.append(Arena())
        return arenas[-1]

    free: list[tuple[int, int]] = []
    monkeypatch.setattr("mapper.runtime.run.Arena", made)
    monkeypatch.setattr(Arena, "close", lambda arena: free.append((arena.free_bytes, arena.size)))
    ran(growing(tmp_path, first_past=first_past), requests=3)
    assert free[0][0] == free[0][1] > 0
    arenas[0].memory.close()
