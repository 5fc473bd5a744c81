"""The kinds of checks by name."""

from __future__ import annotations

from mapper.claims.checks.accesses import Accesses
from mapper.claims.checks.check import Check
from mapper.claims.checks.effective import Effective
from mapper.claims.checks.equal_power import EqualPower
from mapper.claims.checks.fleet import Fleet
from mapper.claims.checks.gain import Gain
from mapper.claims.checks.generation import Generation
from mapper.claims.checks.growth import Growth
from mapper.claims.checks.pictures import Pictures
from mapper.claims.checks.power import Power
from mapper.claims.checks.service import Service
from mapper.claims.checks.stages import Stages
from mapper.claims.checks.support import Support
from mapper.claims.checks.training import Training

KINDS: dict[str, type[Check]] = {
    check.kind: check
    for check in (Accesses, Effective, EqualPower, Fleet, Gain, Generation, Growth, Pictures, Power, Service, Stages,
                  Support, Training)
}  # fmt: skip
"""What may stand under `check:`."""
