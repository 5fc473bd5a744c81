"""MLPerf Inference v4.1 results (Apache-2.0): requests a second of language models, with wall power where measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.measured.points import records
from benchmarks.measured.served import Served
from mapper.cost.pricing import main_units
from mapper.hw.load import load_target
from mapper.hw.work import DType

SOURCE = "mlperf_inference_v4_1"

FITTED_DEVICES = ("H100",)
"""GPUs whose rows may be used for fitting; all others are held out."""

DEVICES = {
    "NVIDIA H100-SXM-80GB": ("H100", "h100-sxm"),
    "NVIDIA H200-SXM-141GB": ("H200", "h200"),
    "NVIDIA H200-SXM-141GB-CTS": ("H200", "h200"),
    "NVIDIA B200-SXM-180GB": ("B200", "b200"),
    "NVIDIA L40S": ("L40S", "l40s"),
    "NVIDIA L4": ("L4", "l4"),
    "NVIDIA A100-SXM-80GB": ("A100", "a100-80"),
    "NVIDIA GH200 Grace Hopper Superchip 144GB": ("GH200", "h200"),
    "NVIDIA GH200 Grace Hopper Superchip 144G": ("GH200", "h200"),
    "AMD Instinct MI300X-NPS1-SPX-192GB-750W": ("MI300X", "mi300x"),
    "AMD MI300X-NPS1-SPX-192GB-750W": ("MI300X", "mi300x"),
}
"""Names of accelerators that the target library has. The GPU of a GH200 with 144 GB is that of an H200."""


@dataclass(frozen=True, slots=True)
class Task:
    """A benchmark: tokens of a request and of its answer on average, beams, and the type that servers of it use."""

    model: str
    prompt: int
    tokens: int
    weights: DType
    beams: int = 1


TASKS = {
    "bert-99": Task("BERT-large", 177, 0, DType.I8),
    "bert-99.9": Task("BERT-large", 177, 0, DType.F8),
    "gptj-99": Task("GPT-J 6B", 920, 69, DType.F8, beams=4),
    "gptj-99.9": Task("GPT-J 6B", 920, 69, DType.F8, beams=4),
    "llama2-70b-99": Task("LLaMA 70B", 294, 294, DType.F8),
    "llama2-70b-99.9": Task("LLaMA 70B", 294, 294, DType.F8),
    "mixtral-8x7b": Task("Mixtral 8x7B", 480, 146, DType.F8),
}
"""BERT: 46 % of the 384 places of SQuAD 1.1 are words (Zhai et al., openreview 3nzKUh9a4M), and servers skip the rest.
Answers: tokens_per_s / samples_per_s of the results, as the benchmark's rules fix them (69, 294, 146). Prompts of
GPT-J: 781 words of an article of CNN/DailyMail (its data card) and the instruction, in byte pairs; of Llama: assumed
as long as answers; of Mixtral: a third each like Llama's, of GSM8K with five worked examples (950) and of MBXP
(180), assumed. Beams: the rules of GPT-J. Types: NVIDIA's and AMD's submissions (recalled)."""

SCENARIOS = ("offline", "server")
"""All requests at once; or as they come, each with a deadline."""

FITTED_SYSTEMS = ("1xMI300X_2xEPYC-9374F",)
"""The machine whose rows may be used for fitting a server that no fitted device runs."""

NARROW = ("B200",)
"""Devices whose servers of Llama 2 use four bits (submission notes, recalled)."""


def served(folder: Path) -> Iterator[Served]:
    """Valid runs of language models under full load, on one machine of a GPU that the library has."""
    for row in records(folder / SOURCE / "results.csv"):
        known = row["accelerator"] in DEVICES and row["model"] in TASKS and row["samples_per_s"]
        if known and row["valid"] == "VALID" and row["scenario"].lower() in SCENARIOS and row["nodes"] == "1":
            yield _served(row)


def _served(row: dict[str, str]) -> Served:
    task, (device, target) = TASKS[row["model"]], DEVICES[row["accelerator"]]
    four = device in NARROW and row["model"].startswith("llama2")
    weights = DType.F4 if four else _type_of(target, task.weights)
    return Served(
        SOURCE,
        device,
        target,
        task.model,
        weights,
        gpus=int(row["n_acc"]),
        ranks=0 if task.tokens else 1,
        batch=0,
        beams=task.beams,
        prompt=task.prompt,
        tokens=task.tokens,
        per_s=float(row["samples_per_s"]),
        held_out=device not in FITTED_DEVICES and row["system"] not in FITTED_SYSTEMS,
        watts=float(row["median_W_busy"] or 0),
        limited="maxq" in row["system"].lower(),
        deadline=row["scenario"].lower() == "server",
        software="vllm_rocm" if "rocm" in row["software"] else "tensorrt_llm",
    )


@cache
def _type_of(target: str, wanted: DType) -> DType:
    """The type, where the target's main unit multiplies in it; servers of older GPUs keep 16 bits."""
    return wanted if main_units(load_target(target))[0].model.peak_ops_per_s().get(wanted) else DType.F16
