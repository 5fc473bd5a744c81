"""Emitted folders made by hand: tiny pieces with the manifest that a plan would have."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import onnx
from onnx import helper

from mapper.emit.manifest import (
    NAME,
    DimLine,
    FileLine,
    InputLine,
    Manifest,
    PhasePart,
    Port,
    StateLine,
    Step,
    Tensor,
    UnitLine,
    digest_of,
    sealed,
    to_json,
)

FLOAT, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
OPSET = [helper.make_opsetid("", 17)]
Node = tuple[str, Sequence[str], Sequence[str], dict[str, Any]]


def model(inputs: Sequence[Tensor], outputs: Sequence[Tensor], nodes: Sequence[Node]) -> onnx.ModelProto:
    """Nodes as (operator, inputs, outputs, attributes) between tensors."""
    graph = helper.make_graph(
        [helper.make_node(op, list(i), list(o), **attributes) for op, i, o, attributes in nodes],
        "g",
        [_info(t) for t in inputs],
        [_info(t) for t in outputs],
    )
    return helper.make_model(graph, opset_imports=OPSET, ir_version=8)


def _info(tensor: Tensor) -> onnx.ValueInfoProto:
    elem = onnx.TensorProto.DataType.Value(tensor.dtype.upper())
    return helper.make_tensor_value_info(tensor.name, elem, list(tensor.shape))


def tensor(name: str, *shape: int | str, dtype: str = "float") -> Tensor:
    """A value."""
    return Tensor(name=name, dtype=dtype, shape=shape)


class Folder:
    """A folder under construction: pieces are written at once, the manifest at last."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self._number = 0

    def step(self, unit: str, values: Sequence[Tensor], nodes: Sequence[Node]) -> Step:
        """A step of a piece with these nodes; what they make and what they read but do not make are its ports."""
        known = {t.name: t for t in values}
        made = [name for _, _, outputs, _ in nodes for name in outputs if name in known]
        read = [
            n for n in dict.fromkeys(n for _, inputs, _, _ in nodes for n in inputs) if n in known and n not in made
        ]
        name = f"{self._number:03d}-{unit}"
        self._number += 1
        piece = model([known[n] for n in read], [known[n] for n in made], nodes)
        (self.path / f"{name}.onnx").write_bytes(piece.SerializeToString())
        return Step(
            name=name,
            piece=f"{name}.onnx",
            unit=unit,
            inputs=tuple(Port(name=n, value=n) for n in read),
            outputs=tuple(Port(name=n, value=n) for n in made),
        )

    def manifest(self, phases: Sequence[PhasePart], **more: Any) -> Path:
        """Write it; returns the folder."""
        units = dict.fromkeys(s.unit for part in phases for s in part.steps)
        files = tuple(
            FileLine(path=p.name, bytes=p.stat().st_size, sha256=digest_of(p)) for p in sorted(self.path.glob("*.onnx"))
        )
        made = Manifest(
            model="m.onnx",
            sha256="",
            target="hand-made",
            tool="tests",
            units=tuple(UnitLine(name=u, kind="core", family="gpu" if "gpu" in u else "cpu") for u in units),
            phases=tuple(phases),
            files=files,
            **{"inflight": 3} | more,
        )
        (self.path / NAME).write_text(to_json(sealed(made)), encoding="utf-8")
        return self.path


def phase(values: Sequence[Tensor], steps: Sequence[Step], outputs: Sequence[str], **more: Any) -> PhasePart:
    """One phase of one call, if not told otherwise."""
    given = {"name": "run", "calls": 1, "dims": (), "inputs": (), "states": ()} | more
    return PhasePart(outputs=tuple(outputs), values=tuple(values), steps=tuple(steps), **given)


def two_units(path: Path) -> Path:
    """y = (x + x) * (x + x): the sum on unit a, the product on unit b."""
    folder = Folder(path)
    values = [tensor("x", 2, 3), tensor("s", 2, 3), tensor("y", 2, 3)]
    steps = [
        folder.step("a", values, [("Add", ["x", "x"], ["s"], {})]),
        folder.step("b", values, [("Mul", ["s", "s"], ["y"], {})]),
    ]
    return folder.manifest([phase(values, steps, ["y"], inputs=(InputLine(value="x"),))])


def whole_two_units(path: Path) -> Path:
    """The whole model of `two_units`."""
    nodes: list[Node] = [("Add", ["x", "x"], ["s"], {}), ("Mul", ["s", "s"], ["y"], {})]
    path.write_bytes(model([tensor("x", 2, 3)], [tensor("y", 2, 3)], nodes).SerializeToString())
    return path


def growing(path: Path, *, first_past: int = 2) -> Path:
    """A cache that grows: `fill` makes it of two numbers, three calls of `grow` add one each and sum it up on b."""
    folder = Folder(path)
    fill = [tensor("n", 2), tensor("c", 2)]
    start = phase(
        fill,
        [folder.step("a", fill, [("Identity", ["n"], ["c"], {})])],
        ["c"],
        name="fill",
        inputs=(InputLine(value="n"),),
        states=(StateLine(name="cache", present="c"),),
    )
    grow = [tensor("n", 1), tensor("past", "past"), tensor("c", "total"), tensor("sum", 1)]
    steps = [
        folder.step("a", grow, [("Concat", ["past", "n"], ["c"], {"axis": 0})]),
        folder.step("b", grow, [("ReduceSum", ["c"], ["sum"], {"keepdims": 1})]),
    ]
    more = phase(
        grow,
        steps,
        ["sum", "c"],
        name="grow",
        calls=3,
        dims=(
            DimLine(name="past", first=first_past, last=first_past + 2),
            DimLine(name="total", first=first_past + 1, last=first_past + 3),
        ),
        inputs=(InputLine(value="n"),),
        states=(StateLine(name="cache", past="past", present="c"),),
    )
    return folder.manifest([start, more])


def slow(path: Path, steps: int = 4, side: int = 256, loops: int = 8) -> Path:
    """Products in a row on two units in turn, long enough to be met at work."""
    folder = Folder(path)
    values = [tensor(f"x{k}", side, side) for k in range(steps + 1)]
    made = []
    for k in range(steps):
        inner = [f"x{k}", *(f"t{k}.{j}" for j in range(loops - 1)), f"x{k + 1}"]
        nodes: list[Node] = [("MatMul", [a, a], [b], {}) for a, b in pairwise(inner)]
        made.append(folder.step("ab"[k % 2], values, nodes))
    return folder.manifest([phase(values, made, [f"x{steps}"], inputs=(InputLine(value="x0", fill="zeros"),))])
