"""Writes the graph of a well-known transformer to an ONNX file, without its weights.

python samples/models/build.py gpt2 --out gpt2.onnx
python samples/models/build.py bert-base --layers 2 --out bert.onnx
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import onnx

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from samples.models import bert, gpt2

Builder = Callable[[int | None, int | None], onnx.ModelProto]
"""Takes the number of layers (None: the model's own) and a seed for random weights (None: no weights)."""


def _gpt2(config: gpt2.Gpt2) -> Builder:
    return lambda layers, seed: gpt2.build(replace(config, layers=layers or config.layers), seed=seed)


def _bert(config: bert.Bert) -> Builder:
    return lambda layers, seed: bert.build(replace(config, layers=layers or config.layers), seed=seed)


MODELS: dict[str, Builder] = {
    "gpt2": _gpt2(gpt2.Gpt2()),
    "gpt2-tiny": _gpt2(gpt2.TINY),
    "bert-base": _bert(bert.Bert()),
    "bert-tiny": _bert(bert.TINY),
}


def main(arguments: list[str] | None = None) -> None:
    """Builds the named model and writes it."""
    parser = argparse.ArgumentParser(description="Write the graph of a transformer to an ONNX file, without weights.")
    parser.add_argument("name", choices=sorted(MODELS))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--layers", type=int, help="how many blocks, instead of the model's own number")
    parser.add_argument("--random-weights", action="store_true", help="store random weights (meant for tiny models)")
    options = parser.parse_args(arguments)
    model = MODELS[options.name](options.layers, 0 if options.random_weights else None)
    options.out.write_bytes(model.SerializeToString())
    print(f"{options.out}: {len(model.graph.node)} nodes, {options.out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
