"""A measured server: which model on which machine, how long requests and answers are, how many are done a second."""

from __future__ import annotations

from dataclasses import dataclass, replace

from onnx import TensorProto

from mapper.hw.work import DType
from samples.models.bert import Bert
from samples.models.decoder import Decoder

LLAMA = Decoder("", 0, 0, 0, 0, gated=True, rms=True, rotary=True, bias=False, positions=32768)
"""What all Llama models have in common. Sizes of models are those of their published configurations."""

MODELS: dict[str, Decoder | Bert] = {
    "LLaMA 7B": replace(LLAMA, name="llama-7b", layers=32, width=4096, heads=32, inner=11008, vocabulary=32000),
    "LLaMA 70B": replace(
        LLAMA, name="llama-70b", layers=80, width=8192, heads=64, inner=28672, vocabulary=32000, kv_heads=8
    ),
    "Llama 3.1 8B": replace(
        LLAMA, name="llama-3-8b", layers=32, width=4096, heads=32, inner=14336, vocabulary=128256, kv_heads=8
    ),
    "Llama 3.3 70B": replace(
        LLAMA, name="llama-3-70b", layers=80, width=8192, heads=64, inner=28672, vocabulary=128256, kv_heads=8
    ),
    "Llama 3.1 405B": replace(
        LLAMA, name="llama-3-405b", layers=126, width=16384, heads=128, inner=53248, vocabulary=128256, kv_heads=8
    ),
    "Falcon 180B": replace(
        LLAMA, name="falcon-180b", layers=80, width=14848, heads=232, inner=59392, vocabulary=65024, kv_heads=8,
        head_dim=64, gated=False, rms=False,
    ),
    "Mixtral 8x7B": replace(
        LLAMA, name="mixtral-8x7b", layers=32, width=4096, heads=32, inner=14336, vocabulary=32000, kv_heads=8,
        experts=8, picked=2,
    ),
    "GPT-J 6B": Decoder(
        "gpt-j-6b", layers=28, width=4096, heads=16, inner=16384, vocabulary=50400, rotary=True, bias=False,
        positions=2048,
    ),
    "BERT-large": Bert("bert-large", layers=24, width=1024, heads=16, inner=4096),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Served:
    """Requests of `prompt` tokens that are answered by `tokens` each; 0 for a model that writes none.

    gpus: all that serve. ranks: that share one copy of the model; 0 where it is not told: as many as serve best. batch:
    requests at a time of one copy; 0: as many as memory holds. beams: continuations of each request that are kept.
    per_s: measured requests a second of all GPUs; 0 where `first_s`, the time to the first token, is what was measured.
    watts: of the whole machine at the wall; 0 where it was not measured.
    """

    source: str
    device: str
    target: str
    model: str
    weights: DType
    gpus: int
    ranks: int
    batch: int
    beams: int
    prompt: int
    tokens: int
    per_s: float
    held_out: bool
    first_s: float = 0.0
    watts: float = 0.0
    limited: bool = False
    """Whether the machine ran at less than its full power, by choice."""
    deadline: bool = False
    """Whether each request had to be answered in a given time."""
    software: str = "tensorrt_llm"
    """The server, by the name of its file in benchmarks/runtimes."""

    @property
    def config(self) -> Decoder | Bert:
        """Sizes of the model. Servers of 8-bit weights keep 8-bit keys and values too."""
        found = MODELS[self.model]
        narrow = isinstance(found, Decoder) and self.weights.bits <= 8
        return replace(found, cache=TensorProto.FLOAT8E4M3FN) if narrow else found
