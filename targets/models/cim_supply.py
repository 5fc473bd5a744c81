"""What a compute-in-memory unit file says about supply voltage and about the statistics of its operands."""

from __future__ import annotations

from pydantic import NonNegativeFloat, PositiveFloat, model_validator

from targets.models.blocks import Block, Fitted

UNKNOWN, KNOWN = 0.28, 0.03
"""Mean error of the energy of a layer by fixed energies per action, and by those with the statistics of its operands
(Andrulis et al., CiMLoop, ISPASS 2024)."""


class Supply(Block):
    """How time and energy follow the supply voltage; the other figures of the file hold at `nominal_v`."""

    nominal_v: PositiveFloat
    lowest_v: PositiveFloat
    highest_v: PositiveFloat
    threshold_v: NonNegativeFloat | None = None
    """Effective threshold of the critical path; None: the clock was held while the voltage changed."""
    velocity_exponent: PositiveFloat = 1.3
    """Exponent of the overdrive in the current of a short channel (Sakurai and Newton, JSSC 1990)."""
    energy_slope: NonNegativeFloat | None = None
    """Relative change of the energy for a relative change of the voltage; None: C V^2, whose slope is 2."""

    @model_validator(mode="after")
    def _in_order(self) -> Supply:
        if not self.lowest_v <= self.nominal_v <= self.highest_v:
            raise ValueError(f"nominal_v {self.nominal_v:g} is not between {self.lowest_v:g} and {self.highest_v:g}")
        if self.threshold_v is not None and self.threshold_v >= self.lowest_v:
            raise ValueError(f"threshold_v {self.threshold_v:g} is not below lowest_v {self.lowest_v:g}")
        if self.energy_slope is not None and self.energy_slope * (1 - self.lowest_v / self.nominal_v) >= 1:
            raise ValueError(f"energy_slope {self.energy_slope:g} leaves no energy at {self.lowest_v:g} V")
        return self

    def outside(self, volts: float) -> str:
        """Why the figures do not hold at a voltage; '' where they do."""
        if self.lowest_v <= volts <= self.highest_v:
            return ""
        return f"{volts:g} V is outside {self.lowest_v:g} to {self.highest_v:g} V, where its figures come from"

    def slowdown(self, volts: float) -> float:
        """Time at a voltage over that at the nominal one: gates take V / (V - Vt)^alpha."""
        if self.threshold_v is None:
            return 1.0
        overdrive = (self.nominal_v - self.threshold_v) / (volts - self.threshold_v)
        return float(volts / self.nominal_v * overdrive**self.velocity_exponent)

    def energy(self, volts: float) -> float:
        """Energy of an action at a voltage over that at the nominal one."""
        ratio = volts / self.nominal_v
        return ratio**2 if self.energy_slope is None else 1 + self.energy_slope * (ratio - 1)


class Statistics(Fitted):
    """Bits that are one, as a part of all bits: of the operands, and of those that the file's energies hold for.

    Drivers spend energy on inputs that are one, cells where input and weight are both one; converters always.
    """

    inputs: NonNegativeFloat
    weights: NonNegativeFloat
    energies_inputs: PositiveFloat = 0.5
    energies_weights: PositiveFloat = 0.5

    @model_validator(mode="after")
    def _parts(self) -> Statistics:
        if max(self.inputs, self.weights, self.energies_inputs, self.energies_weights) > 1:
            raise ValueError("a part of all bits is at most 1")
        return self

    @property
    def drivers(self) -> float:
        """Energy of the drivers over that in the file."""
        return self.inputs / self.energies_inputs

    @property
    def cells(self) -> float:
        """Energy of the cells over that in the file."""
        return self.drivers * self.weights / self.energies_weights
