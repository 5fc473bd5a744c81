"""Numbers for weights that are not there: random ones that keep values finite, the same for one seed."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from mapper.emit.layout import ALIGNMENT, FOLDER
from mapper.errors import MapperError
from mapper.frontend.file.beside import element_bits

FILE = f"{FOLDER}/random.bin"
CHUNK_ELEMENTS = 1 << 22

_SCALES = {"LayerNormalization": 1, "InstanceNormalization": 1, "GroupNormalization": 1, "RMSNormalization": 1,
           "SimplifiedLayerNormalization": 1, "SkipLayerNormalization": 2, "SkipSimplifiedLayerNormalization": 2,
           "EmbedLayerNormalization": 5, "BatchNormalization": 1}  # fmt: skip
"""By operator, the operand that scales what was normed: about one."""
_POSITIVE = {("BatchNormalization", 4), ("QuantizeLinear", 1), ("DequantizeLinear", 1), ("MatMulNBits", 2),
             ("MatMulIntegerToFloat", 2), ("MatMulIntegerToFloat", 3), ("DynamicQuantizeMatMul", 2)}  # fmt: skip
"""Operands that are variances or scales of quantised numbers."""


def operand_roles(graph: onnx.GraphProto) -> Mapping[str, str]:
    """What the operands that are no plain weights are: `scale` (about one) or `positive` (small)."""
    found: dict[str, str] = {}
    for node in graph.node:
        for place, name in enumerate(node.input):
            if (node.op_type, place) in _POSITIVE:
                found[name] = "positive"
            elif _SCALES.get(node.op_type) == place:
                found[name] = "scale"
    return found


@dataclass(frozen=True)
class Filling:
    """Random numbers for the weights of a model. seed: other numbers for another one; names tell weights apart."""

    seed: int = 0

    def write(self, out: Path, tensor: onnx.TensorProto, role: str) -> tuple[str, int, int]:
        """Append a tensor's numbers to the folder's file of random ones; its place: file, offset, length."""
        path = out / FILE
        path.parent.mkdir(exist_ok=True)
        dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type))
        random = np.random.default_rng([self.seed, zlib.crc32(tensor.name.encode())])
        left = int(np.prod(tensor.dims, dtype=np.int64))
        scale = _spread(tuple(tensor.dims))
        with path.open("ab") as file:
            file.write(b"\0" * (-file.tell() % ALIGNMENT))
            offset = file.tell()
            while left > 0:
                count = min(left, CHUNK_ELEMENTS)
                file.write(_bytes(random, count, tensor, dtype, role, scale))
                left -= count
            return FILE, offset, file.tell() - offset


def _bytes(
    random: np.random.Generator, count: int, tensor: onnx.TensorProto, dtype: np.dtype[Any], role: str, scale: float
) -> bytes:
    """So many numbers as they are stored: integers of four bits two to a byte, the first in the low bits."""
    bits = element_bits(tensor.data_type)
    if bits >= 8:
        return _numbers(random, count, dtype, role, scale).tobytes()
    if bits != 4 or tensor.data_type == onnx.TensorProto.FLOAT4E2M1:
        name = onnx.TensorProto.DataType.Name(tensor.data_type)
        raise MapperError(f"no numbers are made up for '{tensor.name}' of type {name}", hint="give the model's own")
    pairs = random.integers(0, 8, (-(-count // 2), 2), dtype=np.uint8)
    if count % 2:
        pairs[-1, 1] = 0
    return (pairs[:, 0] | pairs[:, 1] << 4).tobytes()


def _spread(dims: tuple[int, ...]) -> float:
    """The standard deviation that keeps a product's results about as large as its operands (Glorot and Bengio, 2010);
    of vectors (biases) a small one."""
    return (2.0 / (dims[-1] + dims[-2])) ** 0.5 if len(dims) > 1 else 0.02


def _numbers(random: np.random.Generator, count: int, dtype: np.dtype[Any], role: str, scale: float) -> NDArray[Any]:
    if dtype == np.bool_:
        return random.integers(0, 2, count).astype(dtype)
    if dtype.kind in "iu" or (not np.issubdtype(dtype, np.floating) and dtype.kind != "V"):
        high = min(8, np.iinfo(dtype).max) if dtype.kind in "iu" else 2
        return random.integers(0, high, count).astype(dtype)
    match role:
        case "scale":
            found = 1 + 0.02 * random.standard_normal(count, dtype=np.float32)
        case "positive":
            found = np.float32(0.01) * (0.5 + random.random(count, dtype=np.float32))
        case _:
            found = np.float32(scale) * random.standard_normal(count, dtype=np.float32)
    return found.astype(dtype)
