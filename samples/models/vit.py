"""Vision transformers: patches by a convolution, a class token, learned positions (Dosovitskiy et al., 2021)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx

from .onnx_writer import GraphWriter
from .parts import attention, convolution, gelu, layer_norm, linear


@dataclass(frozen=True)
class Vit:
    """The sizes of a vision transformer; `image` and `patch` are edges in pixels."""

    name: str = "vit"
    layers: int = 12
    width: int = 768
    heads: int = 12
    inner: int = 3072
    image: int = 224
    patch: int = 16
    classes: int = 1000

    @property
    def patches(self) -> int:
        """Tokens of one image, without the class token."""
        return (self.image // self.patch) ** 2


LARGE = Vit("vit-large", layers=24, width=1024, heads=16, inner=4096)
TINY = Vit("vit-tiny", layers=2, width=64, heads=2, inner=256, image=32, patch=8, classes=10)


def build(config: Vit = Vit(), *, seed: int | None = None) -> onnx.ModelProto:
    """Logits of the classes of each image; a seed stores random weights in it."""
    g = GraphWriter(config.name, seed)
    pixels = g.input("pixel_values", ("batch", 3, config.image, config.image))
    with g.scope("embeddings"):
        hidden = _embedded(g, config, pixels)
    for i in range(config.layers):
        with g.scope("layer", str(i)):
            hidden = _block(g, config, hidden)
    hidden = layer_norm(g, "layernorm", hidden, config.width)
    first = g.node("Gather", hidden, g.constant(0, np.int64), axis=1)
    g.output(linear(g, "classifier", first, config.width, config.classes), "logits", ("batch", config.classes))
    return g.model(opset=20)


def _embedded(g: GraphWriter, config: Vit, pixels: str) -> str:
    width = config.width
    grid = convolution(g, "patch_embeddings", pixels, 3, width, config.patch, config.patch)
    tokens = g.node("Transpose", g.node("Reshape", grid, g.ints(0, width, -1)), perm=[0, 2, 1])
    batch = g.node("Gather", g.node("Shape", pixels), g.ints(0), axis=0)
    shape = g.node("Concat", batch, g.ints(1, width), axis=0)
    first = g.node("Expand", g.weight("cls_token", 1, 1, width), shape)
    return g.node("Add", g.node("Concat", first, tokens, axis=1), g.weight("positions", 1, config.patches + 1, width))


def _block(g: GraphWriter, config: Vit, hidden: str) -> str:
    with g.scope("attention"):
        normed = layer_norm(g, "norm", hidden, config.width)
        hidden = g.node("Add", attention(g, normed, normed, config.width, config.heads), hidden)
    with g.scope("mlp"):
        inner = linear(g, "up", layer_norm(g, "norm", hidden, config.width), config.width, config.inner)
        return g.node("Add", linear(g, "down", gelu(g, inner), config.inner, config.width), hidden)
