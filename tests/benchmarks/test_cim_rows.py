"""Counts of PIMCOMP, from the graphs of the networks through the front end to the arrays of a target."""

from __future__ import annotations

import pytest

from benchmarks.facts.cim import counts
from samples.models import cnn


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "crossbars", "vectors"),
    [(cnn.VGG16, 8454, None), (cnn.RESNET18, None, 132_500), (cnn.SQUEEZENET, None, 50_962)],
    ids=lambda value: getattr(value, "name", None),
)
def test_networks_take_as_many_arrays_and_products_as_pimcomp_counts(
    config: cnn.Cnn, crossbars: int | None, vectors: int | None
) -> None:
    found = counts(config)
    assert crossbars in (None, found[0])
    assert vectors in (None, found[1])
