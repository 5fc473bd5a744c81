"""Calibration: what the machine says, whether the fit finds constants again, and the file that is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from mapper.errors import MapperError
from mapper.hw.calibration import KindErrors
from mapper.hw.checks import check_files
from mapper.hw.load import load_target
from mapper.hw.work import Feed
from targets.calibration import cpu as calibration
from targets.calibration import processor, timing
from targets.calibration.cpu import unfitted
from targets.calibration.fits import errors, fitted, with_constants
from targets.calibration.graphs import graph_of
from targets.calibration.hand_over import HandOver, hand_over, of
from targets.calibration.processor import Processor
from targets.calibration.samples import Sample, samples
from targets.calibration.target_file import Found, bands, target_text
from targets.calibration.timing import Timed
from targets.models.multicore import core_seconds

MACHINE = Processor("Test CPU", 4, 3e9, "AVX2", {"f32": 32, "i8": 64}, {"f32": 32}, 512 * 1024, 8 * 2**20, 16 * 2**30)
BANDWIDTH = 30e9
FEED = Feed(BANDWIDTH, BANDWIDTH)
TRUE = {
    "op_overhead_s": 3e-6, "threads.grain_cycles": 2e4, "products.f32.compute": 0.8, "products.i8.compute": 0.4,
    "lanes.norm_ops": 40.0, "attention.score_ops": 200.0,
}  # fmt: skip

CPUINFO = "processor\t: 0\nmodel name\t: Test CPU\ncpu MHz\t\t: 2500.000\nflags\t\t: fpu sse2 avx avx2 fma avx512f\n"


def measured() -> list[Timed]:
    """Times that a CPU with other constants than the defaults would show."""
    unit = with_constants(unfitted(MACHINE, BANDWIDTH), TRUE)
    wanted = samples(MACHINE.shared_cache_bytes)
    seconds, _ = core_seconds([s.work for s in wanted], FEED, unit.multicore)
    return [Timed(s, t) for s, t in zip(wanted, seconds.tolist(), strict=True)]


def test_the_fit_explains_times_that_the_model_made() -> None:
    times = measured()
    unit = fitted(unfitted(MACHINE, BANDWIDTH), FEED, times)
    found = {e.kind: e.held_out for e in errors(unit, FEED, times)}
    assert max(found.values()) < 0.1
    assert unit.products.f32.compute == pytest.approx(0.8, rel=0.1)


def test_times_at_another_speed_of_the_machine_give_the_same_constants() -> None:
    start = unfitted(MACHINE, BANDWIDTH)
    unit = with_constants(start, TRUE)
    wanted = samples(MACHINE.shared_cache_bytes)
    speeds = np.random.default_rng(0).uniform(0.5, 1.3, len(wanted))
    seconds, _ = core_seconds([s.work for s in wanted], FEED, unit.multicore, speeds)
    times = [Timed(s, t, v) for s, t, v in zip(wanted, seconds.tolist(), speeds.tolist(), strict=True)]
    found = fitted(start, FEED, times)
    assert max(e.held_out for e in errors(found, FEED, times)) < 0.1
    assert found.products.f32.compute == pytest.approx(0.8, rel=0.1)


def test_a_stretch_in_which_the_speed_changed_does_not_count() -> None:
    sample = samples(MACHINE.shared_cache_bytes)[0]
    steady, changed = timing.Stretch(2.0, 0.5, 0.5), timing.Stretch(9.0, 1.0, 2.0)
    assert timing.typical(sample, [changed, steady, changed], 1.0) == Timed(sample, 2.0, 2.0)
    assert timing.typical(sample, [changed], 1.5) == Timed(sample, 9.0, 1.0)


def test_cores_at_half_speed_do_not_slow_the_memory() -> None:
    unit = unfitted(MACHINE, BANDWIDTH)
    assert unit.multicore.speed == 1
    slow = unit.at_speed(0.5)
    large = [s.work for s in samples(MACHINE.shared_cache_bytes) if s.family == "f32"]
    ratios = core_seconds(large, FEED, slow.multicore)[0] / core_seconds(large, FEED, unit.multicore)[0]
    assert 1 <= ratios.min() < 1.2
    assert ratios.max() == pytest.approx(2, rel=0.05)


def test_what_is_held_out_does_not_move_the_constants() -> None:
    times = measured()
    wrong = [Timed(t.sample, t.seconds * 5) if t.sample.held_out else t for t in times]
    start = unfitted(MACHINE, BANDWIDTH)
    assert fitted(start, FEED, wrong) == fitted(start, FEED, times)


def test_a_third_of_each_kind_is_held_out() -> None:
    wanted = samples(2**23)
    for kind in {s.op for s in wanted}:
        sides = [s.held_out for s in wanted if s.op == kind]
        assert 0.2 < np.mean(sides) < 0.4


def test_the_file_is_a_target(tmp_path: Path) -> None:
    times = measured()
    unit = fitted(unfitted(MACHINE, BANDWIDTH), FEED, times)
    found = errors(unit, FEED, times)
    unit = unit.scaled(error_band=bands(found))
    path = tmp_path / "test-cpu.yaml"
    path.write_text(target_text(Found("test-cpu", MACHINE, BANDWIDTH, unit, tuple(found))), encoding="utf-8")
    target = load_target(path)
    assert target.unit["cpu"].model == unit
    assert target.memories[0].bandwidth_bytes_per_s == BANDWIDTH
    assert "Test CPU" in target.source
    assert check_files([path]) == ()


def test_several_units_have_equal_parts_of_the_memory_and_a_link(tmp_path: Path) -> None:
    unit = unfitted(MACHINE, BANDWIDTH)
    path = tmp_path / "units.yaml"
    path.write_text(
        target_text(Found("units", MACHINE, BANDWIDTH, unit, (), 2, HandOver(2e-4, 1e-4))), encoding="utf-8"
    )
    target = load_target(path)
    assert [u.model for u in target.units] == [unit, unit]
    assert {m.capacity_bytes for m in target.memories} == {MACHINE.memory_bytes // 2}
    assert [m.serves for m in target.memories] == [("cpu0",), ("cpu1",)]
    assert [(link.latency_s, link.overhead_s) for link in target.links] == [(2e-4, 1e-4)]
    assert "2 units of 4 cores" in target.about


def test_a_value_is_handed_on_in_less_than_a_tenth_of_a_second() -> None:
    pytest.importorskip("onnxruntime")
    found = hand_over()
    assert 0 < found.latency_s + found.overhead_s < 0.1


def test_latency_and_overhead_are_the_time_between_two_steps_together() -> None:
    found = of(gap_s=5e-4, loss_s=4e-4)
    assert (found.latency_s, found.overhead_s) == pytest.approx((3e-4, 2e-4))
    assert of(gap_s=1e-4, loss_s=4e-4).latency_s == 0


def test_more_units_than_cores_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration.os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    with pytest.raises(MapperError, match="3 units, but there are 2 cores"):
        calibration._share(3)
    assert calibration._share(2) == (0,)
    assert calibration._share(1) == ()


def test_a_time_in_which_nothing_is_measured_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr(calibration, "copy_bandwidth", lambda *_: 1e10)
    with pytest.raises(MapperError, match="there was time for 0 graphs, none to fit on"):
        calibration.calibrate("none", 0.0, lambda *_: None)


def test_errors_of_no_points_do_not_stand_in_the_file() -> None:
    nowhere = KindErrors("norm", 1, 0.1, float("nan"), float("nan"), 0.2)
    unit = unfitted(MACHINE, BANDWIDTH)
    assert (
        "not fitted: none measured"
        in yaml.safe_load(target_text(Found("x", MACHINE, BANDWIDTH, unit, (nowhere,))))["source"]
    )


@pytest.mark.parametrize("family", ["f32", "i8", "batched", "attention", "decode", "norm", "gelu", "move", "embedding"])
def test_every_family_runs_under_onnxruntime(family: str) -> None:
    pytest.importorskip("onnxruntime")
    wanted = min((s for s in samples(2**16) if s.family == family), key=lambda s: s.work.bytes())
    found = timing.Bench(1).stretches(wanted)
    assert found
    assert all(s.seconds > 0 and s.probe_s > 0 for s in found)


def test_nodes_have_weights_of_their_own() -> None:
    wanted = next(s for s in samples(2**20) if s.family == "f32" and s.copies > 1)
    model, _ = graph_of(wanted, np.random.default_rng(0))
    assert len(model) > wanted.copies * wanted.work.bytes() * 0.5


def test_without_onnxruntime_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(MapperError, match="not installed") as error:
        timing.runtime()
    assert "pip install" in error.value.hint


def cores(tmp_path: Path, siblings: str) -> Path:
    """A sysfs of two processors with private L2 and a shared L3."""
    for i in (0, 1):
        cpu = tmp_path / f"cpu{i}"
        own = siblings if siblings == "0-1" else str(i)
        files = {"topology/thread_siblings_list": own}
        for index, (level, kind, size, users) in enumerate(
            [(1, "Instruction", "64K", own), (2, "Unified", "1024K", own), (3, "Unified", "16M", "0-1")]
        ):
            base = f"cache/index{index}/"
            files |= {base + "level": str(level), base + "type": kind, base + "size": size}
            files[base + "shared_cpu_list"] = users
        for name, text in files.items():
            (cpu / name).parent.mkdir(parents=True, exist_ok=True)
            (cpu / name).write_text(text + "\n")
    return tmp_path


@pytest.mark.parametrize(("siblings", "count"), [("own", 2), ("0-1", 1)])
def test_two_threads_of_a_core_are_one_core(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, siblings: str, count: int
) -> None:
    monkeypatch.setattr(processor.os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    found = processor._linux(CPUINFO, cores(tmp_path, siblings))
    assert found.cores == count
    assert (found.private_cache_bytes, found.clock_hz, found.isa) == (2**20, 2.5e9, "AVX-512")


def test_another_system_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor.platform, "system", lambda: "Plan9")
    with pytest.raises(MapperError, match="Plan9"):
        processor.detected()


def test_a_sample_is_what_its_graph_computes() -> None:
    for sample in samples(2**20):
        assert isinstance(sample, Sample)
        assert sample.work.bytes() > 0
        assert sample.copies >= 1
