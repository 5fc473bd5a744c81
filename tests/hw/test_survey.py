"""A target at a glance: the peaks that tell a chip."""

from __future__ import annotations

import pytest

from mapper.hw.survey import survey
from mapper.hw.work import DType


@pytest.mark.parametrize(
    ("name", "dtype", "peak"),
    [
        ("a100-80", DType.I8, 624e12),
        ("wtm-8", DType.I12, 24e12),  # its control cores count in 8 bits
        ("xeon-8592", DType.BF16, 124.5e12),  # AMX; without it f16 has an eighth
    ],
)
def test_a_peak_is_that_of_the_width_in_which_the_chip_counts(name: str, dtype: DType, peak: float) -> None:
    assert survey(name).peaks[dtype] == pytest.approx(peak, rel=0.01)
