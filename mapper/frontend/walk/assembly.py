"""Nodes that join what control flow takes apart: Identity, Squeeze, Unsqueeze, Concat, Split in the file's opset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import onnx

from mapper.frontend.facts import Fact, Known, Node
from mapper.frontend.file.nodes import make_node

_AXES_ARE_INPUTS = 13


@dataclass(slots=True)
class Assembly:
    """Nodes in the making, in the name of a node of the file; `constants` are those that they read."""

    opset: int
    origin: str
    nodes: list[Node] = field(default_factory=list)
    constants: dict[str, Fact] = field(default_factory=dict)

    def add(self, op_type: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> str:
        """A node; its first output."""
        proto = onnx.helper.make_node(op_type, inputs, outputs, **attributes)
        self.nodes.append(replace(make_node(proto), origin=self.origin))
        return outputs[0]

    def integers(self, name: str, values: Sequence[int]) -> str:
        """A constant list of integers."""
        data = np.array(values, dtype=np.int64)
        self.constants[name] = Fact(onnx.TensorProto.INT64, data.shape, data, Known.FILE)
        return name

    def identity(self, source: str, out: str) -> str:
        """The same value under another name."""
        return self.add("Identity", [source], [out])

    def squeeze(self, source: str, axis: int, out: str) -> str:
        """The value without a dim of size 1."""
        return self._with_axis("Squeeze", source, axis, out)

    def unsqueeze(self, source: str, axis: int, out: str) -> str:
        """The value with one more dim of size 1."""
        return self._with_axis("Unsqueeze", source, axis, out)

    def _with_axis(self, op_type: str, source: str, axis: int, out: str) -> str:
        if self.opset >= _AXES_ARE_INPUTS:
            return self.add(op_type, [source, self.integers(f"{out}/axes", [axis])], [out])
        return self.add(op_type, [source], [out], axes=[axis])

    def concat(self, sources: Sequence[str], axis: int, out: str) -> str:
        """The values one behind the other."""
        return self.add("Concat", sources, [out], axis=axis)

    def stack(self, sources: Sequence[str], axis: int, out: str) -> str:
        """The values side by side along a new dim."""
        parts = [self.unsqueeze(name, axis, f"{out}/part{i}") for i, name in enumerate(sources)]
        return self.concat(parts, axis, out)

    def split(self, source: str, axis: int, sizes: Sequence[int], outs: Sequence[str]) -> None:
        """The value cut along an axis into parts of these sizes."""
        if not outs:
            return
        if len(outs) == 1:
            self.identity(source, outs[0])
        elif self.opset >= _AXES_ARE_INPUTS:
            self.add("Split", [source, self.integers(f"{outs[0]}/sizes", sizes)], outs, axis=axis)
        else:
            self.add("Split", [source], outs, axis=axis, split=list(sizes))

    def slices(self, source: str, axis: int, count: int, outs: Sequence[str]) -> None:
        """The value cut along an axis into `count` parts without that axis."""
        parts = [f"{out}/part" for out in outs]
        self.split(source, axis, [1] * count, parts)
        for part, out in zip(parts, outs, strict=True):
            self.squeeze(part, axis, out)
