"""What benchmarks/emitted.py maps: tiny models of every kind built here, and the ONNX files of a folder."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from math import prod
from pathlib import Path

import onnx

from mapper.errors import MapperError, MissingDims
from mapper.frontend import Together, load_models, parse_phase
from samples.models import decoder
from samples.models.build import MODELS
from samples.models.onnx_writer import GraphWriter
from samples.models.parts import attention, layer_norm, linear

CORPUS = Path(__file__).resolve().parents[1] / "tests" / "frontend" / "corpus.csv"
SHORT = 16
"""Dims of files without a line in the table: short, as tiny models look their positions up in short tables."""

LONG = ("prefill: batch=1 seq=12 past=0", "decode: batch=1 seq=1 past=12..15")
BATCHED = ("prefill: batch=2 seq=5 past=0", "decode: batch=2 seq=1 past=5..7")
ACROSS = ("encode@encoder.onnx: batch=1 frames=7", "decode@decoder.onnx: batch=1 seq=3 frames=7")
MIXED = ("bert@bert-tiny.onnx: batch=1 seq=6", "vit@vit-tiny.onnx: batch=2")
APART = ("prefill@first.onnx: batch=1 seq=6 past=0", "decode@next.onnx: batch=1 seq=1 past=6..8")


@dataclass(frozen=True)
class Case:
    """A model to map: its files, made in a folder or lying somewhere, and the phases of a request. mix: runs of each
    file in a request, where they are models of their own."""

    name: str
    phases: tuple[str, ...]
    files: Callable[[Path], list[Path]]
    mix: tuple[tuple[str, int], ...] = ()


def built() -> list[Case]:
    """Tiny models of every kind: several phases, several files, batches, fewer bits, numbers inside, beside or none."""
    return [
        Case("bert-tiny", ("run: batch=1 seq=16",), _sample("bert-tiny")),
        Case("gpt2-tiny", LONG, _sample("gpt2-tiny")),
        Case("mixture-tiny", LONG, _mixture),
        Case("vit-tiny", ("run: batch=1",), _sample("vit-tiny")),
        Case("llama-tiny-batch", BATCHED, _sample("llama-tiny")),
        Case("bert-tiny-int8", ("run: batch=1 seq=9",), _bert_int8),
        Case("unet-tiny", ("run: batch=1 seq=8",), _sample("unet-tiny")),
        Case("encoder-decoder", ACROSS, _pair),
        Case("dit-tiny-batch", ("run: batch=3",), _sample("dit-tiny")),
        Case("llama-tiny-int4", LONG, _llama_int4),
        Case("gpt2-tiny-two-files", APART, _two_files),
        Case("llama-tiny-beside", LONG, _beside),
        Case("gpt2-tiny-fp16", LONG, _gpt2_fp16),
        Case("bert-and-vit", MIXED, _two_models, (("bert-tiny", 2), ("vit-tiny", 1))),
        Case("bert-tiny-batch", ("run: batch=4 seq=7",), _sample("bert-tiny")),
        Case("decoder-tiny", LONG, _sample("decoder-tiny")),
    ]  # fmt: skip


def _written(path: Path, model: onnx.ModelProto) -> Path:
    path.write_bytes(model.SerializeToString())
    return path


def _sample(name: str) -> Callable[[Path], list[Path]]:
    return partial(_stripped, name)


def _stripped(name: str, folder: Path) -> list[Path]:
    """Without numbers: emission makes them up."""
    return [_written(folder / f"{name}.onnx", MODELS[name](None, None))]


def _mixture(folder: Path) -> list[Path]:
    """A decoder with four experts, of which a token takes two, as the contrib operator MoE: that of mixtral-tiny, with
    gates, is none of onnxruntime's on a CPU. It has numbers: routers of ones alone would give all experts one score."""
    config = replace(decoder.TINY, name="mixture-tiny", experts=4, picked=2)
    return [_written(folder / "mixture-tiny.onnx", decoder.build(config, seed=0))]


def _bert_int8(folder: Path) -> list[Path]:
    """Activations quantised while the model runs, products of whole numbers."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    source = _written(folder / "bert.onnx", MODELS["bert-tiny"](None, 0))
    quantize_dynamic(source, folder / "bert-int8.onnx", weight_type=QuantType.QInt8)
    source.unlink()
    return [folder / "bert-int8.onnx"]


def _llama_int4(folder: Path) -> list[Path]:
    """Weights of four bits in blocks, as the contrib operator MatMulNBits takes them."""
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    found = MatMulNBitsQuantizer(MODELS["llama-tiny"](None, 0), block_size=16, is_symmetric=True)
    found.process()
    return [_written(folder / "llama-int4.onnx", found.model.model)]


def _gpt2_fp16(folder: Path) -> list[Path]:
    """Floats of 16 bits, as onnxruntime's tool converts them."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    return [_written(folder / "gpt2-fp16.onnx", convert_float_to_float16(MODELS["gpt2-tiny"](None, 0)))]


def _beside(folder: Path) -> list[Path]:
    """All numbers in a file beside the model, sizes too."""
    path = folder / "beside.onnx"
    onnx.save(MODELS["llama-tiny"](None, 0), path, save_as_external_data=True, location="all.bin", size_threshold=0)
    return [path]


def _two_models(folder: Path) -> list[Path]:
    """Models that have nothing to do with each other."""
    return [path for name in ("bert-tiny", "vit-tiny") for path in _stripped(name, folder)]


def _two_files(folder: Path) -> list[Path]:
    """The prompt and the words after it by files of their own, which share weights and hand on the cache."""
    model = MODELS["gpt2-tiny"](None, 0)
    return [_written(folder / name, model) for name in ("first.onnx", "next.onnx")]


def _pair(folder: Path) -> list[Path]:
    """An encoder whose result a decoder looks into."""
    encoder, look, width = GraphWriter("encoder"), GraphWriter("decoder"), 32
    value = encoder.input("frames", ["batch", "frames", width])
    value = linear(encoder, "out", encoder.node("Relu", linear(encoder, "in", value, width, 64)), 64, width)
    encoder.output(value, "last_hidden_state", ["batch", "frames", width])
    seen = look.input("encoder_hidden_states", ["batch", "frames", width])
    value = look.input("words", ["batch", "seq", width])
    normed = layer_norm(look, "norm", value, width)
    value = look.node("Add", value, attention(look, normed, seen, width, 4))
    look.output(value, "logits", ["batch", "seq", width])
    return [_written(folder / f"{g.name}.onnx", g.model(17)) for g in (encoder, look)]


def given(folder: Path, most_weights: int) -> Iterator[Case]:
    """The ONNX files of a folder, and the pairs among them (encoder and decoder, prefill and decode), whose weights
    have so many numbers at most. Dims are those of the table, or what `mapper inspect` proposes, but short."""
    files = [p for p in sorted(folder.glob("*.onnx")) if _numbers(p) <= most_weights]
    for path in files:
        yield Case(path.stem, (f"run: {_dims(path)}",), partial(_lying, (path,)))
    for first, second in _pairs(files):
        phases = (f"first@{first.name}: {_dims(first)}", f"next@{second.name}: {_dims(second)}")
        yield Case(f"{first.stem}+{second.stem}", phases, partial(_lying, (first, second)))


def _lying(paths: tuple[Path, ...], folder: Path) -> list[Path]:
    """Files that are there already."""
    return list(paths)


def _numbers(path: Path) -> int:
    graph = onnx.load(str(path), load_external_data=False).graph
    return sum(prod(t.dims) for t in graph.initializer)


def _pairs(files: Sequence[Path]) -> Iterator[tuple[Path, Path]]:
    """Files of one model that follow each other; the one exported alike where there are several."""
    for first in files:
        found = re.fullmatch(r"(.*[-_.])(encoder|prefill)(.*)", first.stem)
        if found:
            word = "decoder" if found[2] == "encoder" else "decode"
            seconds = [p for p in files if p.stem.startswith(found[1] + word)]
            alike = [p for p in seconds if p.stem.endswith(found[3])]
            yield from ((first, second) for second in (alike or seconds)[:1])


@cache
def _table() -> Mapping[str, str]:
    with CORPUS.open(encoding="utf-8", newline="") as file:
        return {row["name"]: row["dims"] for row in csv.DictReader(file)}


def _dims(path: Path) -> str:
    if path.stem in _table():
        return _table()[path.stem]
    try:
        load_models([path], [parse_phase("run:")], Together({}, (), {}, {}))
    except MissingDims as missing:
        return " ".join(f"{name}={min(size, SHORT)}" for name, size in missing.example.items())
    except MapperError:  # told when its turn comes
        return ""
    return ""
