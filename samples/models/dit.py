"""Diffusion transformers with norms that the time step and the class shift and scale (Peebles and Xie, "DiT", 2023)."""

from __future__ import annotations

from dataclasses import dataclass

import onnx
from onnx import TensorProto

from .onnx_writer import GraphWriter
from .parts import attention, convolution, gelu, layer_norm, linear, silu, sines

WAVES = 256
"""Width of the sines that stand for a time step."""


@dataclass(frozen=True)
class Dit:
    """The sizes of a DiT, which predicts noise and variance; `image` and `patch` are edges in latent pixels."""

    name: str = "dit"
    layers: int = 28
    width: int = 1152
    heads: int = 16
    inner: int = 4608
    image: int = 32
    patch: int = 2
    channels: int = 4
    classes: int = 1000

    @property
    def side(self) -> int:
        """Patches along an edge."""
        return self.image // self.patch


TINY = Dit("dit-tiny", layers=2, width=64, heads=2, inner=256, image=8, classes=10)


def build(config: Dit = Dit(), *, seed: int | None = None) -> onnx.ModelProto:
    """One step of denoising of latent images; a seed stores random weights in it."""
    g = GraphWriter(config.name, seed)
    edge, width = config.image, config.width
    latents = g.input("latents", ("batch", config.channels, edge, edge))
    condition = _condition(g, config)
    grid = convolution(g, "patches", latents, config.channels, width, config.patch, config.patch)
    tokens = g.node("Transpose", g.node("Reshape", grid, g.ints(0, width, -1)), perm=[0, 2, 1])
    hidden = g.node("Add", tokens, g.weight("positions", 1, config.side**2, width))
    for i in range(config.layers):
        with g.scope("blocks", str(i)):
            hidden = _block(g, config, hidden, condition)
    g.output(_pixels(g, config, hidden, condition), "noise", ("batch", 2 * config.channels, edge, edge))
    return g.model(opset=20)


def _condition(g: GraphWriter, config: Dit) -> str:
    """What the norms depend on [batch, width], activated."""
    width = config.width
    steps, labels = g.input("timestep", ("batch",)), g.input("class_labels", ("batch",), TensorProto.INT64)
    with g.scope("condition"):
        wave = linear(g, "time.up", sines(g, steps, WAVES), WAVES, width)
        step = linear(g, "time.down", silu(g, wave), width, width)
        label = g.node("Gather", g.weight("labels", config.classes + 1, width), labels, axis=0)
        return silu(g, g.node("Add", step, label))


def _block(g: GraphWriter, config: Dit, hidden: str, condition: str) -> str:
    width = config.width
    parts = _shifts(g, condition, width, 6)
    with g.scope("attention"):
        normed = _shifted(g, hidden, width, parts[0], parts[1])
        hidden = _gated(g, hidden, attention(g, normed, normed, width, config.heads), parts[2])
    with g.scope("mlp"):
        inner = linear(g, "up", _shifted(g, hidden, width, parts[3], parts[4]), width, config.inner)
        return _gated(g, hidden, linear(g, "down", gelu(g, inner, "tanh"), config.inner, width), parts[5])


def _shifts(g: GraphWriter, condition: str, width: int, count: int) -> list[str]:
    """So many vectors [batch, 1, width] of the condition."""
    rows = g.node("Unsqueeze", linear(g, "modulation", condition, width, count * width), g.ints(1))
    return g.nodes_out("Split", count, rows, axis=-1, num_outputs=count)


def _shifted(g: GraphWriter, hidden: str, width: int, shift: str, scale: str) -> str:
    normed = layer_norm(g, "norm", hidden, width, learned=False)
    return g.node("Add", g.node("Mul", normed, g.node("Add", scale, g.constant(1.0))), shift)


def _gated(g: GraphWriter, hidden: str, added: str, gate: str) -> str:
    return g.node("Add", hidden, g.node("Mul", gate, added))


def _pixels(g: GraphWriter, config: Dit, hidden: str, condition: str) -> str:
    """Patches laid side by side again."""
    side, patch, out, width = config.side, config.patch, 2 * config.channels, config.width
    with g.scope("final"):
        shift, scale = _shifts(g, condition, width, 2)
        patches = linear(g, "out", _shifted(g, hidden, width, shift, scale), width, patch * patch * out)
    cells = g.node("Reshape", patches, g.ints(0, side, side, patch, patch, out))
    rows = g.node("Transpose", cells, perm=[0, 5, 1, 3, 2, 4])
    return g.node("Reshape", rows, g.ints(0, out, config.image, config.image))
