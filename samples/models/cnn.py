"""Convolutional networks of the compute-in-memory literature: VGG16, ResNet18 and SqueezeNet 1.1, norms folded in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import onnx

from .onnx_writer import GraphWriter

CLASSES = 1000
EDGE = 224


@dataclass(frozen=True)
class Cnn:
    """A network by its name; `body` makes the logits [batch, classes] of an image [batch, 3, 224, 224]."""

    name: str
    body: Callable[[_Image], str]


@dataclass(frozen=True)
class _Image:
    """A value [batch, channels, height, width] and what writes the graph."""

    g: GraphWriter
    value: str
    channels: int

    def convolved(self, name: str, out: int, size: int, stride: int = 1, pad: int | None = None) -> _Image:
        """Through a convolution with a bias; same size by default where the stride is 1."""
        g, pads = self.g, [size // 2 if pad is None else pad] * 4
        with g.scope(name):
            sides = g.weight("weight", out, self.channels, size, size), g.weight("bias", out)
            made = g.node("Conv", self.value, *sides, kernel_shape=[size] * 2, strides=[stride] * 2, pads=pads)
        return _Image(g, made, out)

    def rectified(self) -> _Image:
        return _Image(self.g, self.g.node("Relu", self.value), self.channels)

    def pooled(self, size: int, stride: int, pad: int = 0) -> _Image:
        """The largest of each window."""
        made = self.g.node("MaxPool", self.value, kernel_shape=[size] * 2, strides=[stride] * 2, pads=[pad] * 4)
        return _Image(self.g, made, self.channels)

    def averaged(self) -> str:
        """The mean of each channel [batch, channels]."""
        return self.g.node("Flatten", self.g.node("GlobalAveragePool", self.value))

    def plus(self, other: _Image) -> _Image:
        return _Image(self.g, self.g.node("Add", self.value, other.value), self.channels)

    def beside(self, other: _Image) -> _Image:
        made = self.g.node("Concat", self.value, other.value, axis=1)
        return _Image(self.g, made, self.channels + other.channels)


def _full(g: GraphWriter, name: str, value: str, width: int, out: int) -> str:
    """A full connection with a bias."""
    with g.scope(name):
        return g.node("Gemm", value, g.weight("weight", out, width), g.weight("bias", out), transB=1)


def _vgg16(image: _Image) -> str:
    """Simonyan and Zisserman, ICLR 2015, configuration D."""
    for i, (out, times) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))):
        for j in range(times):
            image = image.convolved(f"conv{i}_{j}", out, 3).rectified()
        image = image.pooled(2, 2)
    g = image.g
    first = g.node("Relu", _full(g, "fc6", g.node("Flatten", image.value), 512 * 7 * 7, 4096))
    return _full(g, "fc8", g.node("Relu", _full(g, "fc7", first, 4096, 4096)), 4096, CLASSES)


def _resnet18(image: _Image) -> str:
    """He et al., CVPR 2016."""
    image = image.convolved("conv1", 64, 7, stride=2).rectified().pooled(3, 2, pad=1)
    for i, out in enumerate((64, 128, 256, 512)):
        for j in range(2):
            with image.g.scope("layer", f"{i}.{j}"):
                image = _residual(image, out, stride=2 if i and not j else 1)
    return _full(image.g, "fc", image.averaged(), 512, CLASSES)


def _residual(image: _Image, out: int, stride: int) -> _Image:
    inner = image.convolved("conv1", out, 3, stride).rectified().convolved("conv2", out, 3)
    passed = image if stride == 1 else image.convolved("downsample", out, 1, stride)
    return inner.plus(passed).rectified()


FIRES = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))
"""Channels of the squeezing convolution of each fire module, and of each of its two expanding ones."""


def _squeezenet(image: _Image) -> str:
    """Iandola et al., 2016, version 1.1."""
    image = image.convolved("conv1", 64, 3, stride=2, pad=0).rectified().pooled(3, 2)
    for i, (thin, wide) in enumerate(FIRES):
        with image.g.scope(f"fire{i + 2}"):
            image = image.convolved("squeeze", thin, 1).rectified()
            image = (
                image.convolved("expand1", wide, 1).rectified().beside(image.convolved("expand3", wide, 3).rectified())
            )
        if i in (1, 3):
            image = image.pooled(3, 2)
    return image.convolved("conv10", CLASSES, 1).rectified().averaged()


VGG16, RESNET18 = Cnn("vgg16", _vgg16), Cnn("resnet18", _resnet18)
SQUEEZENET = Cnn("squeezenet", _squeezenet)


def build(config: Cnn = RESNET18, *, seed: int | None = None) -> onnx.ModelProto:
    """Logits of the classes of each image; a seed stores random weights in it."""
    g = GraphWriter(config.name, seed)
    image = _Image(g, g.input("pixel_values", ("batch", 3, EDGE, EDGE)), 3)
    g.output(config.body(image), "logits", ("batch", CLASSES))
    return g.model(opset=20)
