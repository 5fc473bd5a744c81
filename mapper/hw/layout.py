"""How the ranks of a team hold a value between them."""

from __future__ import annotations

from enum import StrEnum


class Layout(StrEnum):
    """What each rank of a team has of a value; named as in the literature on tensor parallelism.

    ONE: there is one holder only (a unit that is no team). COPY: every rank has the whole. FEATURES: each rank has its
    part of the columns, heads or channels (Shoeybi et al., Megatron-LM, 2019). TOKENS: each rank has its part of the
    rows: of batch and sequence (Korthikanti et al., sequence parallelism, 2022). EXPERTS: each rank has the rows that
    go to its experts (Lepikhin et al., GShard, 2021). SUM: every rank has a summand of the whole, and nobody the whole
    yet.
    """

    ONE = ""
    COPY = "copy"
    FEATURES = "features"
    TOKENS = "tokens"
    EXPERTS = "experts"
    SUM = "sum"

    @property
    def is_whole(self) -> bool:
        """Whether each holder has as many elements as the value has."""
        return self not in (Layout.FEATURES, Layout.TOKENS, Layout.EXPERTS)
