"""A kind of your own: an operator that ONNX does not have is understood, priced and mapped instead of being opaque.

A package registers a kind with one line in its pyproject.toml; tests/plugin is such a package, whole:
    [project.entry-points."mapper.kinds"]
    flash-fft-conv = "my_package.my_module:FLASH_FFT_CONV"
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import onnx
from onnx import TensorProto, helper

import mapper
from mapper import Kind, OpView


def sizes(view: OpView) -> tuple[tuple[str, int], ...]:
    """A transform over `length` points is products with side x side matrices: two of them forward, two back."""
    batch, channels, length = view.inputs[0]
    side = round(length**0.5)
    return ("batch", 1), ("m", 4 * batch * channels * side), ("n", side), ("k", side)


FLASH_FFT_CONV = Kind(
    name="flash-fft-conv",
    about="a convolution as long as the sequence, by Fourier transforms",
    dims=sizes,  # the sizes of a matmul, so every unit that multiplies matrices can price it
    like="matmul",
    outputs=lambda view: (view.inputs[0],),  # as large as its first input
    operators=("my.domain::FlashFFTConv",),
)


def write_model(path: Path) -> None:
    """A product and a long convolution of four channels."""
    nodes = [helper.make_node("FlashFFTConv", ["x", "filter"], ["y"], domain="my.domain")]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", 64, 1024]) for n in "xy"]
    weight = helper.make_tensor("filter", TensorProto.FLOAT, [64, 1024], bytes(64 * 1024 * 4), raw=True)
    graph = helper.make_graph(nodes, "hyena", ends[:1], ends[1:], [weight])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("my.domain", 1)]), path)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        write_model(Path(folder) / "model.onnx")
        if "--without" not in sys.argv:  # what `pip install` of a package does: a note of what it offers
            info = Path(folder) / "my_package-1.0.dist-info"
            info.mkdir()
            (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
            line = f"[mapper.kinds]\nflash-fft-conv = {Path(__file__).stem}:FLASH_FFT_CONV\n"
            (info / "entry_points.txt").write_text(line)
            sys.path.insert(0, folder)
        done = mapper.compile(Path(folder) / "model.onnx", "edge-npu", dims={"batch": 1}, effort="quick")
    (op,), (place,) = done.plan.graph.ops, done.plan.placement
    print(f"{op.kind} on {place.unit}, {done.summary['latency_s'] * 1e6:.1f} us", *done.warnings)
