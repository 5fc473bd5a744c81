"""Operations that a diffusion model takes for a picture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from mapper.claims.bench import Bench
from mapper.claims.checks.check import Check, Publisheds
from mapper.claims.claim import Assumption, Format
from mapper.claims.found import Figure, Found, Table
from mapper.report.units import si

TERA = 1e12


class Network(Format):
    """A denoising network and the sizes of one call for one picture."""

    model: str
    dims: dict[str, int]


class Pictures(Check):
    """Operations of one call of the first network x calls a step x steps; text encoder and decoder of the picture are
    not in it. evaluations: calls a step, 2 with classifier-free guidance."""

    kind: ClassVar[str] = "pictures"
    units: ClassVar[dict[str, str]] = {"per_picture": "TFLOP", "per_step": "TFLOP"}
    networks: Annotated[list[Network], Field(min_length=1)]
    steps: Assumption
    evaluations: Assumption

    def models_asked(self) -> Iterator[str]:
        return (network.model for network in self.networks)

    def run(self, bench: Bench, published: Publisheds) -> Found:
        each = [self._flops(bench, network) / TERA for network in self.networks]
        s, e = self.steps, self.evaluations
        low, value, high = (each[0] * s.low * e.low, each[0] * s.value * e.value, each[0] * s.high * e.high)
        counts = sorted({(s.low, e.low), (s.low, e.high), (s.value, e.value), (s.high, e.low), (s.high, e.high)})
        rows = tuple(
            (network.model, f"{t:.3g}", *(f"{t * steps * calls:.3g}" for steps, calls in counts))
            for network, t in zip(self.networks, each, strict=True)
        )
        columns = ("network", "TFLOP a call", *(f"{steps:g} x {calls:g} calls" for steps, calls in counts))
        because = f"{s.value:g} steps of {e.value:g} calls of {each[0]:.3g} TFLOP"
        said = published.get("per_picture")
        if said is not None and said.value:
            because += f"; {said.value:g} TFLOP is {said.value / each[0]:.3g} calls"
        return Found(
            {"per_picture": Figure(value, low, high), "per_step": Figure(each[0] * e.value)},
            {"per_picture": because},
            (),
            (Table("TFLOP a picture", columns, rows),),
            (*self.assumed(), *(self._words(bench, network) for network in self.networks)),
        )

    def _flops(self, bench: Bench, network: Network) -> float:
        return float(bench.inspected(network.model, dims=network.dims).phases[0].total.flops)

    def _words(self, bench: Bench, network: Network) -> str:
        seen = bench.inspected(network.model, dims=network.dims)
        sizes = ", ".join(f"{name}={size}" for name, size in network.dims.items())
        return f"{network.model}: {si(seen.used or 0)} parameters, {sizes}; operations counted in its graph"
