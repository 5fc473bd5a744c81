"""Sizes of well-known decoders, as their papers and published configurations give them."""

from __future__ import annotations

from dataclasses import replace

from .decoder import TINY, Decoder

LLAMA2_7B = Decoder(
    "llama2-7b", layers=32, width=4096, heads=32, inner=11008, vocabulary=32000, gated=True, rms=True, rotary=True,
    bias=False, positions=4096,
)  # fmt: skip
"""Touvron et al., "Llama 2", 2023."""

LLAMA2_70B = replace(LLAMA2_7B, name="llama2-70b", layers=80, width=8192, heads=64, kv_heads=8, inner=28672)
"""Touvron et al., "Llama 2", 2023: grouped queries."""

LLAMA3_8B = replace(
    LLAMA2_7B, name="llama3-8b", kv_heads=8, inner=14336, vocabulary=128256, positions=8192,
)  # fmt: skip
"""Grattafiori et al., "The Llama 3 Herd of Models", 2024."""

LLAMA3_405B = replace(
    LLAMA2_70B, name="llama3.1-405b", layers=126, width=16384, heads=128, inner=53248, vocabulary=128256,
    positions=131072,
)  # fmt: skip
"""Grattafiori et al., "The Llama 3 Herd of Models", 2024."""

MIXTRAL_8X7B = replace(
    LLAMA2_7B, name="mixtral-8x7b", kv_heads=8, inner=14336, positions=32768, experts=8, picked=2,
)  # fmt: skip
"""Jiang et al., "Mixtral of Experts", 2024."""

GPT4_LIKE = Decoder(
    "gpt4-like", layers=120, width=10752, heads=128, head_dim=128, kv_heads=8, inner=43008, vocabulary=100277,
    bias=False, positions=8192, experts=16, picked=2, tied=True,
)  # fmt: skip
"""ASSUMED, after public rumours of 2023 and nothing official: 120 layers, 16 experts of about 111e9 parameters of which
a token takes 2, about 1.8e12 parameters in all and 280e9 at work for a token. The width follows from the experts
(2 x 4 width^2 a layer each); heads, grouped queries, plain gelu and learned positions are this file's choice."""

LLAMA_TINY = replace(TINY, name="llama-tiny", gated=True, rms=True, rotary=True, bias=False)
MIXTRAL_TINY = replace(LLAMA_TINY, name="mixtral-tiny", experts=4, picked=2)
