"""Number types and shapes of the values that pieces exchange."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import prod
from typing import Any

import numpy as np

from mapper.errors import MapperError

Shape = tuple[int, ...]
Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A number type: as onnx.TensorProto spells it in lower case, its code there, and numpy's type of that layout."""

    name: str
    code: int
    numpy: np.dtype[Any]

    def bytes(self, shape: Shape) -> int:
        """Size of a dense tensor."""
        return prod(shape) * self.numpy.itemsize

    @property
    def is_float(self) -> bool:
        """Whether it has fractions; numpy itself does not know the short ones."""
        return "float" in self.name or self.name == "double"


_NO_BYTES = frozenset({"string", "undefined", "int4", "uint4", "float4e2m1", "int2", "uint2"})


@cache
def kind_of(name: str) -> Kind:
    """The number type of a name; refused are those without whole bytes per number: strings, int4."""
    import onnx

    try:
        code = onnx.TensorProto.DataType.Value(name.upper())
    except ValueError:
        raise MapperError(f"the manifest has an unknown number type '{name}'", hint="emit the plan again") from None
    if name in _NO_BYTES:
        raise MapperError(
            f"tensors of type {name} cannot go from piece to piece",
            hint="place what makes and what reads them together",
        )
    return Kind(name, code, np.dtype(onnx.helper.tensor_dtype_to_np_dtype(code)))


def fitted(array: Array, shape: Shape) -> Array:
    """The array cut, or filled up with zeros at the end of each axis, to a shape of as many axes."""
    found = np.zeros(shape, array.dtype)
    common = tuple(slice(0, min(a, b)) for a, b in zip(array.shape, shape, strict=True))
    found[common] = array[common]
    return found


def spelled(shape: Shape) -> str:
    """A shape as people write it: 1x12x64."""
    return "x".join(map(str, shape)) if shape else "scalar"
