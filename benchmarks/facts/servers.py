"""Servers of language models: TensorRT-LLM's tables and MLPerf, by the model of benchmarks/serving.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.facts.rows import Answer, Fact, Kind, Uncovered
from benchmarks.measured import mlperf, tensorrt_llm
from benchmarks.measured.served import Served
from benchmarks.served_lines import ours, priced
from mapper.hw.work import DType

BAR = 0.20
"""The bar of docs/fidelity.md for throughput; times to the first token have none."""


@dataclass(frozen=True, slots=True)
class Table:
    """What a row of TensorRT-LLM's tables ran. ranks: GPUs that share the model. batch: 0 as many as memory holds."""

    target: str
    model: str
    weights: DType
    ranks: int
    batch: int
    prompt: int
    tokens: int
    first: bool = False


TABLES = {
    "TRT-7B-TTFT": Table("a100-80", "LLaMA 7B", DType.F16, 1, 1, 2048, 1, first=True),
    "TRT-70B-TTFT-H": Table("h100-sxm", "LLaMA 70B", DType.F8, 4, 1, 2048, 1, first=True),
    "TRT-7B-thr": Table("a100-80", "LLaMA 7B", DType.F16, 1, 384, 128, 128),
    "TRT-70B-thr-H100": Table("h100-sxm", "Llama 3.3 70B", DType.F8, 2, 0, 2048, 2048),
    "TRT-405B-H200": Table("h200", "Llama 3.1 405B", DType.F8, 8, 0, 2048, 2048),
}
"""The words of the rows as figures."""

RESULTS = {
    "MLP-70B-H100": ("llama2-70b-99.9", "h100-sxm", DType.F8),
    "MLP-70B-B200": ("llama2-70b-99.9", "b200", DType.F4),
    "MLP-BERT-H100": ("bert-99", "h100-sxm", DType.I8),
    "MLP-BERT-L40S": ("bert-99", "l40s", DType.I8),
    "MLP-BERT-L4": ("bert-99", "l4", DType.I8),
}
"""MLPerf's task, the target and the type that servers use, by row."""

FITTED_TARGETS = ("h100-sxm",)
"""MLPerf's rows of it are among those that the server's constants were fitted on."""


def _table(fact: Fact) -> Iterator[Answer | Uncovered]:
    said = TABLES[fact.name]
    value = fact.numbers[0]
    row = Served(
        tensorrt_llm.SOURCE, said.target, said.target, said.model, said.weights,
        gpus=said.ranks, ranks=said.ranks, batch=said.batch, beams=1, prompt=said.prompt, tokens=said.tokens,
        per_s=0.0 if said.first else value / said.tokens,
        held_out=said.model not in tensorrt_llm.FITTED_MODELS,
        first_s=value * 1e-3 if said.first else 0.0,
    )  # fmt: skip
    yield _answer(row)


def _result(fact: Fact) -> Iterator[Answer | Uncovered]:
    name, target, weights = RESULTS[fact.name]
    task = mlperf.TASKS[name]
    row = Served(
        mlperf.SOURCE, target, target, task.model, weights,
        gpus=int(fact.columns["hardware"].split("x")[0]), ranks=0 if task.tokens else 1, batch=0, beams=task.beams,
        prompt=task.prompt, tokens=task.tokens,
        per_s=fact.numbers[0] / (task.tokens or 1),
        held_out=target not in FITTED_TARGETS,
    )  # fmt: skip
    yield _answer(row)


def _answer(row: Served) -> Answer | Uncovered:
    found = priced(row)
    if isinstance(found, str):
        return Uncovered(found)
    seconds, place = ours(row, found), f"{row.gpus} x {row.target}"
    how = "server model"
    if row.first_s:
        return Answer("first token, s", place, row.first_s, seconds, how, fitted=not row.held_out)
    of = row.tokens or 1
    what = "tokens/s" if row.tokens else "requests/s"
    return Answer(what, place, of * row.per_s, of / seconds, how, BAR, fitted=not row.held_out)


TRT = Kind(frozenset(TABLES), _table)
MLPERF = Kind(frozenset(RESULTS), _result)
