"""The denoising network of Stable Diffusion: residual convolutions and transformers over text, at four resolutions
(Rombach et al., 2022)."""

from __future__ import annotations

from dataclasses import dataclass

import onnx

from .onnx_writer import GraphWriter
from .parts import attention, convolution, gelu, layer_norm, linear, silu, sines

SEQ = "seq"
"""Tokens of the text."""


@dataclass(frozen=True)
class Unet:
    """The sizes of a network; `image` is the edge in latent pixels, `blocks` the residual blocks of a resolution.

    channels: at each resolution, each half of that before; all but the last have transformers. text: width of the
    text's tokens. groups: of group norms.
    """

    name: str = "stable-diffusion-unet"
    channels: tuple[int, ...] = (320, 640, 1280, 1280)
    blocks: int = 2
    heads: int = 8
    text: int = 768
    image: int = 64
    latent: int = 4
    groups: int = 32

    @property
    def time(self) -> int:
        """Width of what stands for a time step."""
        return 4 * self.channels[0]


LARGE = Unet("stable-diffusion-unet-1024", image=128)
"""The same network on pictures of 1024 x 1024 pixels."""

TINY = Unet("unet-tiny", channels=(16, 32), blocks=1, heads=2, text=24, image=8, groups=4)


@dataclass(frozen=True)
class _Image:
    """A value [batch, channels, edge, edge]."""

    value: str
    channels: int
    edge: int


def build(config: Unet = Unet(), *, seed: int | None = None) -> onnx.ModelProto:
    """One step of denoising of latent images; a seed stores random weights in it."""
    g = GraphWriter(config.name, seed)
    shape = ("batch", config.latent, config.image, config.image)
    sample, steps = g.input("sample", shape), g.input("timestep", ("batch",))
    network = _Network(
        g, config, g.input("encoder_hidden_states", ("batch", SEQ, config.text)), _step(g, config, steps)
    )
    first = config.channels[0]
    image = _Image(convolution(g, "conv_in", sample, config.latent, first, 3), first, config.image)
    image, skips = network.down(image)
    image = network.up(network.middle(image), skips)
    normed = silu(g, network.group_norm("norm_out", image))
    g.output(convolution(g, "conv_out", normed, first, config.latent, 3), "noise", shape)
    return g.model(opset=21)


def _step(g: GraphWriter, config: Unet, steps: str) -> str:
    """What the time step adds to channels [batch, time], activated."""
    first, time = config.channels[0], config.time
    with g.scope("time_embedding"):
        wave = silu(g, linear(g, "linear_1", sines(g, steps, first), first, time))
        return silu(g, linear(g, "linear_2", wave, time, time))


@dataclass(frozen=True)
class _Network:
    """The writer, with what every block reads: the text and the time step."""

    g: GraphWriter
    config: Unet
    text: str
    step: str

    def down(self, image: _Image) -> tuple[_Image, list[_Image]]:
        """The way down, and all images that the way up sees again."""
        skips, last = [image], len(self.config.channels) - 1
        for i, channels in enumerate(self.config.channels):
            with self.g.scope("down", str(i)):
                for j in range(self.config.blocks):
                    with self.g.scope(str(j)):
                        image = self._block(image, channels, attends=i < last)
                    skips.append(image)
                if i < last:
                    image = self._halved(image)
                    skips.append(image)
        return image, skips

    def middle(self, image: _Image) -> _Image:
        """The blocks at the lowest resolution."""
        with self.g.scope("mid"):
            return self._residual("resnet.1", self._block(image, image.channels, attends=True), image.channels)

    def up(self, image: _Image, skips: list[_Image]) -> _Image:
        """The way up; every block reads one image of the way down beside its own."""
        last = len(self.config.channels) - 1
        for i, channels in enumerate(reversed(self.config.channels)):
            with self.g.scope("up", str(i)):
                for j in range(self.config.blocks + 1):
                    with self.g.scope(str(j)):
                        image = self._block(self._beside(image, skips.pop()), channels, attends=i > 0)
                if i < last:
                    image = self._doubled(image)
        return image

    def group_norm(self, name: str, image: _Image, epsilon: float = 1e-5) -> str:
        """The norm of groups of channels."""
        with self.g.scope(name):
            sides = self.g.weight("weight", image.channels), self.g.weight("bias", image.channels)
            return self.g.node(
                "GroupNormalization", image.value, *sides, num_groups=self.config.groups, epsilon=epsilon
            )

    def _block(self, image: _Image, channels: int, *, attends: bool) -> _Image:
        image = self._residual("resnet", image, channels)
        return self._transformer(image) if attends else image

    def _residual(self, name: str, image: _Image, out: int) -> _Image:
        g, channels = self.g, image.channels
        with g.scope(name):
            inner = convolution(g, "conv1", silu(g, self.group_norm("norm1", image)), channels, out, 3)
            step = linear(g, "time", self.step, self.config.time, out)
            inner = g.node("Add", inner, g.node("Unsqueeze", step, g.ints(2, 3)))
            inner = silu(g, self.group_norm("norm2", _Image(inner, out, image.edge)))
            inner = convolution(g, "conv2", inner, out, out, 3)
            past = convolution(g, "shortcut", image.value, channels, out, 1) if channels != out else image.value
            return _Image(g.node("Add", past, inner), out, image.edge)

    def _transformer(self, image: _Image) -> _Image:
        g, channels, edge = self.g, image.channels, image.edge
        with g.scope("transformer"):
            normed = self.group_norm("norm", image, 1e-6)
            inner = convolution(g, "proj_in", normed, channels, channels, 1)
            hidden = g.node("Transpose", g.node("Reshape", inner, g.ints(0, channels, edge * edge)), perm=[0, 2, 1])
            hidden = self._attends(hidden, channels)
            grid = g.node("Reshape", g.node("Transpose", hidden, perm=[0, 2, 1]), g.ints(0, channels, edge, edge))
            inner = convolution(g, "proj_out", grid, channels, channels, 1)
            return _Image(g.node("Add", inner, image.value), channels, edge)

    def _attends(self, hidden: str, width: int) -> str:
        g, heads = self.g, self.config.heads
        with g.scope("self"):
            normed = layer_norm(g, "norm", hidden, width)
            hidden = g.node("Add", attention(g, normed, normed, width, heads, bias=False), hidden)
        with g.scope("text"):
            normed = layer_norm(g, "norm", hidden, width)
            seen = attention(g, normed, self.text, width, heads, depth=self.config.text, bias=False)
            hidden = g.node("Add", seen, hidden)
        with g.scope("mlp"):
            both = linear(g, "up", layer_norm(g, "norm", hidden, width), width, 8 * width)
            value, gate = g.nodes_out("Split", 2, both, axis=-1, num_outputs=2)
            inner = g.node("Mul", value, gelu(g, gate))
            return g.node("Add", linear(g, "down", inner, 4 * width, width), hidden)

    def _halved(self, image: _Image) -> _Image:
        channels = image.channels
        return _Image(convolution(self.g, "halve", image.value, channels, channels, 3, 2), channels, image.edge // 2)

    def _doubled(self, image: _Image) -> _Image:
        scales = self.g.constant((1.0, 1.0, 2.0, 2.0))
        wide = self.g.node("Resize", image.value, "", scales, mode="nearest", nearest_mode="floor",
                           coordinate_transformation_mode="asymmetric")  # fmt: skip
        channels = image.channels
        return _Image(convolution(self.g, "double", wide, channels, channels, 3), channels, 2 * image.edge)

    def _beside(self, image: _Image, skip: _Image) -> _Image:
        both = self.g.node("Concat", image.value, skip.value, axis=1)
        return _Image(both, image.channels + skip.channels, image.edge)
