"""The energy of a memory access against that of an operation: in a published table, and in targets."""

from __future__ import annotations

from collections.abc import Iterator
from math import log10
from typing import Annotated, ClassVar

from pydantic import Field

from mapper.claims.bench import Bench
from mapper.claims.checks.check import ARITHMETIC, Check, Publisheds, assumption_words, main_unit, ratio_words
from mapper.claims.claim import Assumption
from mapper.claims.found import Figure, Found, Table
from mapper.cost.work_text import price, work_of_text
from mapper.errors import UsageError, did_you_mean
from mapper.hw.work import PJ_PER_J, DType

BITS = 64
"""Bits of an access in the table (Horowitz, ISSCC 2014)."""
PRODUCT = "matmul m=4096 n=4096 k=4096"


class Accesses(Check):
    """Powers of ten between an access to one word of a memory and an operation on it.

    operations: pJ each. accesses: pJ for 64 bits each. operation, access: the two that the figure is of. word_bits: of
    the word that the operation takes. targets: those whose own figures are shown in the same way.
    """

    kind: ClassVar[str] = "accesses"
    units: ClassVar[dict[str, str]] = {"orders": ""}
    operations: Annotated[dict[str, Assumption], Field(min_length=1)]
    accesses: Annotated[dict[str, Assumption], Field(min_length=1)]
    operation: str
    access: str
    word_bits: Annotated[int, Field(ge=1)] = 32
    targets: tuple[str, ...] = ()

    def targets_asked(self) -> Iterator[str]:
        return iter(self.targets)

    def run(self, bench: Bench, published: Publisheds) -> Found:
        pj, access = self._one("operation", self.operations), self._one("access", self.accesses)
        words = self.word_bits / BITS
        ends = [log10(words * end / pj.value) for end in (access.value, access.low, access.high)]
        rows = tuple(
            (name, *(ratio_words(words * a.value / one.value) for a in self.accesses.values()))
            for name, one in self.operations.items()
        )
        own = tuple(self._target(bench, name) for name in self.targets)
        first = f"one operation against an access to {self.word_bits} bits of"
        tables = [Table("the published table, ratios of energy", (first, *self.accesses), rows)]
        if own:
            columns = ("target", "operation", "pJ", "memory outside", "pJ/bit", "ratio for a word")
            tables.append(Table("the same in targets: whole units, registers and control included", columns, own))
        words_of = [assumption_words(n, a) for n, a in {**self.operations, **self.accesses}.items()]
        least = min(self.accesses.items(), key=lambda a: a[1].value)
        ends_words = (ratio_words(words * end / pj.value) for end in (least[1].value, access.high))
        because = f"from {next(ends_words)} for {least[0]} to {next(ends_words)} for {self.access}"
        return Found({"orders": Figure(*ends)}, {"orders": because}, (), tuple(tables), tuple(words_of))

    def _one(self, what: str, known: dict[str, Assumption]) -> Assumption:
        name = getattr(self, what)
        if name not in known:
            raise UsageError(f"accesses: no {what} '{name}'; {did_you_mean(name, known)}")
        return known[name]

    def _target(self, bench: Bench, name: str) -> tuple[str, ...]:
        target = bench.target(name)
        unit, _ = main_unit(target, DType.F16)
        work, _ = work_of_text(PRODUCT)
        got = price(target, unit, work)
        if got["why_not"]:
            return name, "-", "-", "-", "-", got["why_not"]
        causes = got["energy_by_cause_j"].items()
        pj = sum(joules for cause, joules in causes if cause in ARITHMETIC) * PJ_PER_J / work.flops
        outside = [target.memory[n] for n in (unit.data, *unit.weights) if not target.memory[n].unit]
        memory = max(outside or [target.memory[target.io]], key=lambda m: m.energy_pj_per_bit)
        bits = DType(got["dtype"]).bits
        ratio = ratio_words(bits * memory.energy_pj_per_bit / pj) if pj else "-"
        return name, got["dtype"], f"{pj:.3g}", memory.kind, f"{memory.energy_pj_per_bit:g}", ratio
