from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from builders import tiny_inputs

from mapper.errors import Infeasible, InvalidPlan
from mapper.ir.plan import Cluster, Plan
from mapper.ir.serial import load
from mapper.pipeline.instruments import PrintAfter, Reproducer, Timing, Verify
from mapper.pipeline.pass_ import Context, Pass
from mapper.pipeline.pipeline import Instrument, Pipeline

pytestmark = pytest.mark.usefixtures("tiny_models")


@dataclass(frozen=True)
class OneCluster(Pass):
    name = "one-cluster"
    provides = ("clusters",)
    called: str = "c"

    def run(self, plan: Plan, ctx: Context) -> Plan:
        return replace(plan, clusters=(Cluster(self.called, tuple(plan.graph.op), "r"),))


@dataclass(frozen=True)
class Fails(Pass):
    name = "fails"
    provides = ("tasks",)
    how: str = "bug"

    def run(self, plan: Plan, ctx: Context) -> Plan:
        raise {"bug": ZeroDivisionError("1/0"), "user": Infeasible("too big"), "stop": KeyboardInterrupt()}[self.how]


def run(*passes: Pass, watch: Instrument) -> Plan:
    return Pipeline(passes).run(tiny_inputs(), Context(), [watch])


def refuse(plan: Plan) -> None:
    raise InvalidPlan("op 'mm' is in no cluster", rule="clusters-cover")


def test_timing_adds_up_the_runs_of_a_pass() -> None:
    timing = Timing()
    timing.after(OneCluster(), tiny_inputs(), 1.0)
    timing.after(OneCluster(), tiny_inputs(), 0.5)
    timing.after(Fails(), tiny_inputs(), 0.25)
    assert timing.seconds == {"one-cluster": 1.5, "fails": 0.25}
    assert timing.total == 1.75


def test_timing_watches_every_pass() -> None:
    timing = Timing()
    run(OneCluster(), watch=timing)
    assert timing.seconds["one-cluster"] >= 0


@pytest.mark.parametrize(("names", "prints"), [(("one-cluster",), 1), (("all",), 1), (("other",), 0), ((), 0)])
def test_print_after_prints_after_the_named_passes(names: tuple[str, ...], prints: int) -> None:
    out: list[str] = []
    run(OneCluster(called="k"), watch=PrintAfter(names, out.append))
    assert len(out) == prints
    assert all(text.startswith("; after one-cluster{called=k}\nplan tiny") for text in out)


def test_verify_names_the_pass_and_keeps_the_rule() -> None:
    with pytest.raises(InvalidPlan, match="pass 'one-cluster' made an invalid plan: op 'mm' is in no") as caught:
        run(OneCluster(), watch=Verify(refuse))
    assert caught.value.rule == "clusters-cover"


def test_a_failure_leaves_the_plan_before_it_and_the_command_to_repeat_it(tmp_path: Path) -> None:
    crash = tmp_path / "crash here"
    with pytest.raises(ZeroDivisionError) as caught:
        run(OneCluster(), Fails(), watch=Reproducer(crash, "--seed 3"))
    saved = load(crash / "plan.json")
    assert saved.clusters is not None
    assert saved.tasks is None
    assert (crash / "pipeline.txt").read_text() == "fails\n"
    assert "ZeroDivisionError: 1/0" in (crash / "error.txt").read_text()
    note = next(n for n in caught.value.__notes__ if n.startswith("repeat it with: "))
    words = shlex.split(note.removeprefix("repeat it with: "))
    assert words == ["mapper", "opt", str(crash / "plan.json"), "--pipeline", "fails", "--seed", "3"]


def test_a_plan_that_verify_refuses_leaves_a_reproducer_too(tmp_path: Path) -> None:
    with pytest.raises(InvalidPlan):
        Pipeline((OneCluster(),)).run(tiny_inputs(), Context(), [Verify(refuse), Reproducer(tmp_path / "crash")])
    assert load(tmp_path / "crash" / "plan.json") == tiny_inputs()


@pytest.mark.parametrize("how", ["user", "stop"])
def test_what_is_no_bug_leaves_no_folder(how: str, tmp_path: Path) -> None:
    with pytest.raises((Infeasible, KeyboardInterrupt)):
        run(Fails(how), watch=Reproducer(tmp_path / "crash"))
    assert not (tmp_path / "crash").exists()


def test_a_reproducer_that_cannot_be_written_does_not_hide_the_failure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ZeroDivisionError) as caught:
        run(Fails(), watch=Reproducer(tmp_path / "file"))
    assert any(note.startswith("no reproducer in") for note in caught.value.__notes__)


def test_every_instrument_follows_the_protocol(tmp_path: Path) -> None:
    watchers: list[Any] = [Timing(), PrintAfter((), print), Verify(print), Reproducer(tmp_path)]
    assert all(callable(getattr(w, m)) for w in watchers for m in ("before", "after", "failed"))
