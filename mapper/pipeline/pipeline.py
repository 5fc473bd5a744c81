"""Pipelines: parse them, prove them runnable, run them under instruments."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass, replace
from enum import Enum
from typing import Any, Protocol, get_type_hints

from mapper.errors import InvalidPlan, PipelineError, did_you_mean
from mapper.ir.plan import DECISIONS, FIELDS, Plan
from mapper.pipeline.pass_ import Context, Pass

Lookup = Callable[[str], type[Pass]]


class Instrument(Protocol):
    """Somebody who watches a pipeline run."""

    def before(self, step: Pass, plan: Plan) -> None:
        """Called before each pass."""

    def after(self, step: Pass, plan: Plan, seconds: float) -> None:
        """Called with the plan that a pass made and the seconds it took."""

    def failed(self, step: Pass, plan: Plan, error: BaseException) -> None:
        """Called with the plan before the pass that failed, or whose plan a watcher refused."""


@dataclass(frozen=True)
class Pipeline:
    """Passes in the order they run; its text form round-trips through `parse`."""

    passes: tuple[Pass, ...]

    def __str__(self) -> str:
        return ",".join(map(spec, self.passes))

    def check(self, have: Iterable[str]) -> None:
        """Raise unless each pass finds the decisions it requires, without running one."""
        known = set(have)
        for position, step in enumerate(self.passes, 1):
            missing = [f for f in step.requires if f not in known]
            if missing:
                earlier = ", ".join(p.name for p in self.passes[: position - 1]) or "no pass"
                raise PipelineError(
                    f"pass '{step.name}' requires {', '.join(missing)}, which nothing before it provides",
                    details=[f"before it run: {earlier}"],
                    hint="`mapper passes` lists what each pass requires and provides",
                )
            known = (known - set(stale(step))) | set(step.provides)

    def until(self, name: str) -> Pipeline:
        """The pipeline up to and including the named pass."""
        for i, step in enumerate(self.passes):
            if step.name == name:
                return Pipeline(self.passes[: i + 1])
        raise PipelineError(f"no pass '{name}' in this pipeline; {did_you_mean(name, [p.name for p in self.passes])}")

    def split(self, field: str) -> tuple[Pipeline, Pipeline]:
        """The passes before the first that provides a plan field, and the rest. Raises PipelineError without one."""
        at = next((k for k, step in enumerate(self.passes) if field in step.provides), None)
        if at is None:
            raise PipelineError(
                f"no pass of this pipeline provides '{field}'", hint="leave --pipeline out, or use default"
            )
        return Pipeline(self.passes[:at]), Pipeline(self.passes[at:])

    def run(self, plan: Plan, ctx: Context, instruments: Iterable[Instrument] = ()) -> Plan:
        """The plan after all passes. What a pass made stale is dropped; an undeclared change is refused."""
        watchers = tuple(instruments)
        self.check(f for f in FIELDS if getattr(plan, f) is not None)
        for step in self.passes:
            for watcher in watchers:
                watcher.before(step, plan)
            began = time.perf_counter()
            try:
                after = apply(step, plan, ctx)
                seconds = time.perf_counter() - began
                for watcher in watchers:
                    watcher.after(step, after, seconds)
            except BaseException as error:
                for watcher in watchers:
                    watcher.failed(step, plan, error)
                error.add_note(f"in pass '{spec(step)}'")
                raise
            plan = after
        return plan


def apply(step: Pass, plan: Plan, ctx: Context) -> Plan:
    """Run one pass; hold it to what it provides and drop the decisions it made stale."""
    after = step.run(plan, ctx)
    changed = {f for f in FIELDS if getattr(after, f) is not getattr(plan, f)}
    undeclared = changed - set(step.provides)
    if undeclared:
        names = ", ".join(sorted(undeclared))
        raise InvalidPlan(f"pass '{step.name}' changed {names}, which it does not provide", rule="pass-contract")
    lacking = [f for f in step.provides if getattr(after, f) is None]
    if lacking:
        raise InvalidPlan(f"pass '{step.name}' left {', '.join(lacking)} undecided", rule="pass-contract")
    dropped: dict[str, Any] = dict.fromkeys(stale(step)) if changed else {}
    return replace(after, **dropped)


def stale(step: Pass) -> tuple[str, ...]:
    """The decisions taken after the earliest one the pass sets, and not by it."""
    first = min(map(FIELDS.index, step.provides))
    return tuple(f for f in DECISIONS if FIELDS.index(f) > first and f not in step.provides)


def spec(step: Pass) -> str:
    """The pass as text: 'place-cpsat{neighbourhood=40}', only options that differ from the defaults."""
    given = [f"{f.name.replace('_', '-')}={_text(getattr(step, f.name))}" for f in _options(step) if _differs(step, f)]
    return step.name + (f"{{{' '.join(given)}}}" if given else "")


def _options(step: Pass | type[Pass]) -> tuple[Field[Any], ...]:
    return fields(step) if is_dataclass(step) else ()


def _differs(step: Pass, field: Field[Any]) -> bool:
    return bool(getattr(step, field.name) != field.default)


def _text(value: object) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    return str(value).lower() if isinstance(value, bool) else str(value)


_STEP = re.compile(r"([A-Za-z][\w.-]*)(?:\{([^{}]*)\})?")


def parse(text: str, lookup: Lookup) -> Pipeline:
    """The pipeline that a text like 'fuse-norm,partition{max-ops=8},place-cpsat' stands for."""
    steps: list[Pass] = []
    at = 0
    text = text.strip()
    while True:
        found = _STEP.match(text, at)
        if found is None:
            raise PipelineError(
                f"cannot read the pipeline at character {at + 1}: '{text[at : at + 20]}'",
                hint="write pass names with commas between, options in braces: fuse-norm,partition{max-ops=8}",
            )
        steps.append(build(lookup(found[1]), found[2] or ""))
        at = found.end()
        if at == len(text):
            return Pipeline(tuple(steps))
        if text[at] != ",":
            raise PipelineError(f"cannot read the pipeline at character {at + 1}: expected ',' before '{text[at:]}'")
        at += 1


def build(cls: type[Pass], options: str) -> Pass:
    """A pass from its class and its options as text ('max-ops=8 merge=true')."""
    known = {f.name: f for f in _options(cls)}
    types = get_type_hints(cls)
    values: dict[str, Any] = {}
    for word in options.split():
        key, equals, value = word.partition("=")
        attr = key.replace("-", "_")
        if attr not in known:
            names = [n.replace("_", "-") for n in known]
            raise PipelineError(
                f"pass '{cls.name}' has no option '{key}'; {did_you_mean(key, names, otherwise='it has')}"
            )
        if not equals:
            raise PipelineError(f"pass '{cls.name}': option '{key}' needs a value, as in {key}=8")
        values[attr] = _value(cls, key, types[attr], value)
    missing = [n for n, f in known.items() if f.default is MISSING and n not in values]
    if missing:
        raise PipelineError(f"pass '{cls.name}' needs option {', '.join(missing)}")
    return cls(**values)


def _value(cls: type[Pass], key: str, kind: Any, text: str) -> object:
    try:
        if kind is bool:
            return {"true": True, "false": False}[text]
        return kind(text)
    except (KeyError, ValueError):
        wanted = "true or false" if kind is bool else getattr(kind, "__name__", str(kind))
        raise PipelineError(f"pass '{cls.name}': option {key}={text} is not {wanted}") from None
