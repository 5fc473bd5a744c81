"""Accelerators that train a model in so many days."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from mapper.claims.bench import Bench
from mapper.claims.checks.check import Check, Publisheds, answerable, main_unit, peak_of, rests
from mapper.claims.checks.generation import Generation
from mapper.claims.claim import Assumption, Positive
from mapper.claims.found import Figure, Found, Table
from mapper.hw.work import DType
from mapper.report.units import percent, si

DAY = 86400.0


class Training(Check):
    """6 x parameters x tokens operations (Kaplan et al., 2020) over a part of the peak of a target's accelerator.

    forward: a question that maps the forward pass of a batch; its utilisation is what the compiler finds in place of
    the assumed one. The backward pass has the same products twice and communicates gradients, which is not in it.
    """

    kind: ClassVar[str] = "training"
    units: ClassVar[dict[str, str]] = {"units": "", "utilisation": "", "operations": "FLOP"}
    parameters: Assumption
    tokens: Assumption
    days: Positive
    target: str
    utilisation: Assumption
    dtype: DType = DType.F16
    forward: str = ""

    def questions_asked(self) -> Iterator[str]:
        return iter([self.forward] if self.forward else [])

    def targets_asked(self) -> Iterator[str]:
        yield self.target

    def run(self, bench: Bench, published: Publisheds) -> Found:
        unit, _ = main_unit(bench.target(self.target), self.dtype)
        peak = peak_of(unit, self.dtype)
        flops = 6 * self.parameters.value * self.tokens.value
        ideal = flops / (peak * self.days * DAY)
        u = self.utilisation
        rows = [("assumed", percent(u.value), si(ideal / u.value))]
        figures = {"units": Figure(ideal / u.value, ideal / u.high, ideal / u.low), "operations": Figure(flops)}
        known, no_plan = answerable(bench, [self.forward] if self.forward else [])
        if known:
            own = Generation(questions=[self.forward], dtype=self.dtype).run(bench, {}).figures["utilisation"]
            figures["utilisation"] = own
            rows.append((f"forward pass as compiled ({self.forward})", percent(own.value), si(ideal / own.value)))
        said = published.get("units")
        ends = [end for end in said.ends if end] if said is not None else []
        means = " to ".join(percent(min(1.0, ideal / end)) for end in reversed(ends))
        because = {"units": f"{means} of the peak is what the published numbers mean" if means else ""}
        return Found(
            figures,
            because,
            (
                f"6 x {si(self.parameters.value)} parameters x {si(self.tokens.value)} tokens = {flops:.3g} FLOP",
                f"/ ({si(peak, 'FLOP/s')} x {self.days:g} days) = {si(ideal)} units at the full peak",
            ),
            (Table("units for that time", ("utilisation", "part of peak", "units"), tuple(rows)),),
            (*self.assumed(), *rests(bench, *known)),
            {"utilisation": no_plan} if no_plan else {},
        )
