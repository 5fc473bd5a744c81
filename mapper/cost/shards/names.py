"""The words for ways to divide a cluster's work among ranks, as they stand in `Option.shard`."""

from __future__ import annotations

DIVIDED_WEIGHTS = {"column": "columns", "row": "rows", "vocabulary": "words", "expert": "experts"}
"""Ways in which a rank keeps only a part of the weights, and what it keeps; with any other each rank keeps all."""

JOIN = "+"
"""Between the words of a cluster in which several ops are divided each in a way of its own."""


def weights_division(shard: str) -> str:
    """What of its weights each rank keeps under a way; '' where it keeps all. Ways of one division share them."""
    return JOIN.join(DIVIDED_WEIGHTS[word] for word in shard.split(JOIN) if word in DIVIDED_WEIGHTS)
