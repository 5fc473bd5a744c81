"""TensorRT-LLM's published performance (Apache-2.0): tokens a second and times to the first token, split by model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.measured.points import TARGETS, records
from benchmarks.measured.served import MODELS, Served
from mapper.hw.work import DType

SOURCE = "tensorrt_llm"

FITTED_MODELS = ("LLaMA 7B", "Llama 3.1 8B")
"""Models whose rows may be used for fitting what the server adds; all others are held out."""

TYPES = {"fp16": DType.F16, "bf16": DType.BF16, "fp8": DType.F8, "fp4": DType.F4, "nvfp4": DType.F4}

SAME = {"Llama 3.1 70B": "Llama 3.3 70B", "LLaMA v2 7B": "LLaMA 7B", "LLaMA v2 70B": "LLaMA 70B"}
"""Other names of models of the same sizes."""

SAME_GPU = {"GB200": "b200", "GH200": "h200"}
"""Targets with the same GPU."""


def served(folder: Path) -> Iterator[Served]:
    """Every row of a model that is known here whose cells are numbers."""
    for row in records(folder / SOURCE / "perf.csv"):
        if SAME.get(row["model"], row["model"]) in MODELS and row["dtype"] in TYPES:
            try:
                yield _served(row)
            except ValueError:  # a cell that is no number, as where memory ran out
                continue


def _served(row: dict[str, str]) -> Served:
    """Version 0 tells the rate of each GPU, version 1 that of all that share the model."""
    ranks, prompt, tokens = (int(row[name]) for name in ("tp", "isl", "osl"))
    value, first = float(row["value"]), row["metric"] == "first_token_latency"
    model = SAME.get(row["model"], row["model"])
    gpus = ranks if row["unit"].endswith("total") else 1
    return Served(
        SOURCE,
        row["gpu"],
        TARGETS.get(row["gpu"]) or SAME_GPU.get(row["gpu"], row["gpu"].lower()),
        model,
        TYPES[row["dtype"]],
        gpus=ranks,
        ranks=ranks,
        batch=0 if row["batch"] == "max" else int(row["batch"]),
        beams=1,
        prompt=prompt,
        tokens=tokens,
        per_s=0.0 if first else value * ranks / gpus / tokens,
        held_out=model not in FITTED_MODELS,
        first_s=value * 1e-3 if first else 0.0,
    )
