"""Time of arrays whose inputs are counted pulses and whose converters count steps of charge."""

from __future__ import annotations

from pydantic import NonNegativeFloat, PositiveInt

from targets.models.blocks import Block
from targets.models.rates import ceil_div


class Pulses(Block):
    """A vector in phases: bit k of an input is applied 2^k times, then every column counts its charge down.

    An input of a bits is a sign and a - 1 planes; a column counts to a + `extra_bits` bits with a sign. Several phases
    share the planes, are converted each for itself and joined by shift and add (Wan et al., NeuRRAM, Nature 2022).
    """

    start_s: NonNegativeFloat
    """Of each phase."""
    plane_s: NonNegativeFloat
    """Of each plane: drive the rows anew."""
    step_s: NonNegativeFloat
    """Of each pulse and of each step of the count."""
    join_s: NonNegativeFloat = 0.0
    """Of each phase after the first."""
    phases: PositiveInt = 1
    extra_bits: PositiveInt = 2

    def planes(self, input_bits: int) -> tuple[int, ...]:
        """Planes of each phase, the higher ones first."""
        left, found = max(1, input_bits - 1), []
        for rest in range(self.phases, 0, -1):
            found.append(ceil_div(left, rest))
            left -= found[-1]
        return tuple(n for n in found if n)

    def seconds(self, input_bits: int) -> float:
        """Time of one vector."""
        planes = self.planes(input_bits)
        total = (len(planes) - 1) * self.join_s
        for n in planes:
            bits = min(input_bits, n + 1)
            steps = 2**n - 1 + 2 ** (bits + self.extra_bits - 1) - 1
            total += self.start_s + n * self.plane_s + steps * self.step_s
        return total
