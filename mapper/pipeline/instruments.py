"""Instruments: who watches a pipeline run, to time it, check it, print it, or make a failure repeatable."""

from __future__ import annotations

import shlex
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from mapper.errors import InvalidPlan, MapperError
from mapper.ir.plan import Plan
from mapper.ir.serial import to_json
from mapper.ir.show import show
from mapper.pipeline.pass_ import Pass
from mapper.pipeline.pipeline import spec


class Silent:
    """An instrument that does nothing; the others override what they watch."""

    def before(self, step: Pass, plan: Plan) -> None:
        """Nothing."""

    def after(self, step: Pass, plan: Plan, seconds: float) -> None:
        """Nothing."""

    def failed(self, step: Pass, plan: Plan, error: BaseException) -> None:
        """Nothing."""


@dataclass
class Timing(Silent):
    """The seconds that each pass took, by name in the order of the first run; runs of one pass add up."""

    seconds: dict[str, float] = field(default_factory=dict)

    def after(self, step: Pass, plan: Plan, seconds: float) -> None:
        self.seconds[step.name] = self.seconds.get(step.name, 0.0) + seconds

    @property
    def total(self) -> float:
        """Seconds of all passes."""
        return sum(self.seconds.values())


@dataclass(frozen=True)
class PrintAfter(Silent):
    """Writes the plan as text after the named passes; 'all' stands for every pass."""

    names: Iterable[str]
    write: Callable[[str], object]
    limit: int | None = None

    def after(self, step: Pass, plan: Plan, seconds: float) -> None:
        if step.name in self.names or "all" in self.names:
            self.write(f"; after {spec(step)}\n{show(plan, self.limit)}")


@dataclass(frozen=True)
class Verify(Silent):
    """Holds every plan to the rules right after the pass that made it."""

    check: Callable[[Plan], object]

    def after(self, step: Pass, plan: Plan, seconds: float) -> None:
        try:
            self.check(plan)
        except InvalidPlan as error:
            raise InvalidPlan(
                f"pass '{spec(step)}' made an invalid plan: {error.message}",
                rule=error.rule,
                details=error.details,
                hint=error.hint,
            ) from error


@dataclass(frozen=True)
class Reproducer(Silent):
    """Writes what is needed to repeat a failure into a folder, and adds the command to the error.

    The folder gets the plan before the pass (plan.json), the pass (pipeline.txt) and the traceback (error.txt).
    `flags` are the options that set the context ('--seed 3'). What a user can mend, and an interrupt, leave no folder.
    """

    folder: Path
    flags: str = ""

    def failed(self, step: Pass, plan: Plan, error: BaseException) -> None:
        mendable = isinstance(error, MapperError) and not isinstance(error, InvalidPlan)
        if mendable or not isinstance(error, Exception):
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / "plan.json").write_text(to_json(plan), encoding="utf-8")
            (self.folder / "pipeline.txt").write_text(spec(step) + "\n", encoding="utf-8")
            (self.folder / "error.txt").write_text("".join(traceback.format_exception(error)), encoding="utf-8")
        except (OSError, InvalidPlan) as problem:
            error.add_note(f"no reproducer in {self.folder}: {problem}")
        else:
            error.add_note(f"repeat it with: {self.command(step)}")

    def command(self, step: Pass) -> str:
        """The command that runs the failed pass again on the plan it failed on."""
        words = ["mapper", "opt", str(self.folder / "plan.json"), "--pipeline", spec(step), *shlex.split(self.flags)]
        return shlex.join(words)
