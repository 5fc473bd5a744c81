"""Writes the graph of a well-known transformer or convolutional network to an ONNX file, without its weights.

python samples/models/build.py gpt2 --out gpt2.onnx
python samples/models/build.py bert-base --layers 2 --out bert.onnx
python samples/models/build.py gpt3-layer --ranks 4 --out gpt3-layer.onnx
python samples/models/build.py llama2-70b --out llama.onnx         dims batch, seq, past

Image models have the dim batch, the one of Stable Diffusion also seq, the tokens of its text. The sizes of gpt4-like
are assumptions (samples/models/sizes.py says which).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import onnx

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from samples.models import bert, cnn, decoder, dit, gpt2, sizes, unet, vit


class Builder(Protocol):
    """Takes the number of layers (None: the model's own), a seed for random weights (None: no weights) and the number
    of ranks that share the model, of which one is written."""

    def __call__(self, layers: int | None, seed: int | None, ranks: int = 1) -> onnx.ModelProto: ...


def _whole(build: Callable[..., onnx.ModelProto], config: Any) -> Builder:
    """A model that is written as one; `config` has a name and its number of layers."""

    def make(layers: int | None, seed: int | None, ranks: int = 1) -> onnx.ModelProto:
        if ranks > 1:
            raise ValueError(f"{config.name} is not written for several ranks")
        if layers is not None and not hasattr(config, "layers"):
            raise ValueError(f"{config.name} has no layers to count: its depth is that of its resolutions")
        return build(replace(config, layers=layers) if layers else config, seed=seed)

    return make


def _decoder(config: decoder.Decoder) -> Builder:
    def make(layers: int | None, seed: int | None, ranks: int = 1) -> onnx.ModelProto:
        return decoder.build(replace(config, layers=layers or config.layers, ranks=ranks), seed=seed)

    return make


def _layer(config: decoder.Decoder) -> Builder:
    def make(layers: int | None, seed: int | None, ranks: int = 1) -> onnx.ModelProto:
        if layers not in (None, 1):
            raise ValueError(f"{config.name} is written here as one layer, not {layers}")
        return decoder.build_layer(replace(config, ranks=ranks), seed=seed)

    return make


MODELS: dict[str, Builder] = {
    "gpt1": _whole(gpt2.build, gpt2.GPT1),
    "gpt2": _whole(gpt2.build, gpt2.Gpt2()),
    "gpt2-medium": _whole(gpt2.build, gpt2.MEDIUM),
    "gpt2-large": _whole(gpt2.build, gpt2.LARGE),
    "gpt2-xl": _whole(gpt2.build, gpt2.XL),
    "gpt2-tiny": _whole(gpt2.build, gpt2.TINY),
    "bert-base": _whole(bert.build, bert.Bert()),
    "bert-large": _whole(bert.build, bert.LARGE),
    "bert-tiny": _whole(bert.build, bert.TINY),
    "vit": _whole(vit.build, vit.Vit()),
    "vit-large": _whole(vit.build, vit.LARGE),
    "vit-tiny": _whole(vit.build, vit.TINY),
    "vgg16": _whole(cnn.build, cnn.VGG16),
    "resnet18": _whole(cnn.build, cnn.RESNET18),
    "squeezenet": _whole(cnn.build, cnn.SQUEEZENET),
    "dit": _whole(dit.build, dit.Dit()),
    "dit-tiny": _whole(dit.build, dit.TINY),
    "stable-diffusion-unet": _whole(unet.build, unet.Unet()),
    "stable-diffusion-unet-1024": _whole(unet.build, unet.LARGE),
    "unet-tiny": _whole(unet.build, unet.TINY),
    "gpt3-175b": _decoder(decoder.GPT3_175B),
    "gpt3-layer": _layer(decoder.GPT3_175B),
    "gpt4-like": _decoder(sizes.GPT4_LIKE),
    "llama2-7b": _decoder(sizes.LLAMA2_7B),
    "llama2-70b": _decoder(sizes.LLAMA2_70B),
    "llama3-8b": _decoder(sizes.LLAMA3_8B),
    "llama3.1-405b": _decoder(sizes.LLAMA3_405B),
    "mixtral-8x7b": _decoder(sizes.MIXTRAL_8X7B),
    "decoder-tiny": _decoder(decoder.TINY),
    "llama-tiny": _decoder(sizes.LLAMA_TINY),
    "mixtral-tiny": _decoder(sizes.MIXTRAL_TINY),
}


def main(arguments: list[str] | None = None) -> None:
    """Builds the named model and writes it."""
    parser = argparse.ArgumentParser(description="Write the graph of a known network to an ONNX file, without weights.")
    parser.add_argument("name", choices=sorted(MODELS))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--layers", type=int, help="how many blocks, instead of the model's own number")
    parser.add_argument("--ranks", type=int, default=1, help="write the graph of one of so many ranks")
    parser.add_argument("--random-weights", action="store_true", help="store random weights (meant for tiny models)")
    options = parser.parse_args(arguments)
    if options.ranks < 1 or (options.layers is not None and options.layers < 1):
        parser.error("--layers and --ranks are at least 1")
    try:
        model = MODELS[options.name](options.layers, 0 if options.random_weights else None, options.ranks)
    except ValueError as problem:  # ranks that do not divide the model
        parser.error(str(problem))
    options.out.write_bytes(model.SerializeToString())
    print(f"{options.out}: {len(model.graph.node)} nodes, {options.out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
