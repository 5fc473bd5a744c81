"""Asks shape inference about every standard operator with extreme attributes: each must be answered or refused.

python benchmarks/probe_attributes.py                 all operators, all their versions
python benchmarks/probe_attributes.py --ops Split Pad

A question runs in a process with limits of memory and time; what kills it, or breaks a limit, is listed. Exit code 1
when something is.
"""

from __future__ import annotations

import argparse
import json
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

ROOT = Path(__file__).resolve().parents[1]
if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(ROOT))

from mapper.frontend.facts import Fact, Known  # noqa: E402
from mapper.frontend.file.nodes import make_node  # noqa: E402
from mapper.frontend.inference.infer import infer  # noqa: E402

MEMORY_BYTES = 2 << 30
SECONDS = 10

EXTREMES = (-(2**63), -(2**31) - 1, -(2**31), -65536, -9, -1, 0, 1, 9, 65536, 2**31 - 1, 2**31, 2**32, 2**40, 2**62,
            2**63 - 1)  # fmt: skip
LENGTHS = (0, 1, 2, 3, 4, 8, 100_000)
"""Lengths of lists, each full of one extreme."""

SHAPES = (((2, 3, 4),), ((4, 4),), ((1, 4, 8, 8), (4, 4, 3, 3), (4,)), ((8,),), ((),))
"""Shapes of the inputs, the last one repeated."""
OWN_SHAPES: dict[str, tuple[tuple[int, ...], ...]] = {
    "LSTM": ((5, 2, 8), (1, 16, 8), (1, 16, 4), (1, 32)),
    "GRU": ((5, 2, 8), (1, 12, 8), (1, 12, 4), (1, 24)),
    "RNN": ((5, 2, 8), (1, 4, 8), (1, 4, 4), (1, 8)),
    "Attention": ((2, 3, 16), (2, 3, 16), (2, 3, 16), (3, 3)),
    "RotaryEmbedding": ((2, 3, 16), (32, 2), (32, 2), (2, 3)),
    "DeformConv": ((1, 4, 8, 8), (4, 4, 3, 3), (1, 18, 6, 6), (4,)),
    "RoiAlign": ((1, 4, 8, 8), (5, 4), (5,)),
    "MaxRoiPool": ((1, 4, 8, 8), (5, 5)),
    "MaxUnpool": ((1, 1, 4, 4), (1, 1, 4, 4), (4,)),
    "Col2Im": ((1, 9, 4), (2,), (2,)),
    "QLinearConv": ((1, 4, 8, 8), (), (), (4, 4, 3, 3), (), (), (), ()),
    "ConvInteger": ((1, 4, 8, 8), (4, 4, 3, 3), (), ()),
    "STFT": ((1, 64, 1), (), (8,), ()),
    "DFT": ((1, 64, 1), (), ()),
}
REQUIRED: dict[str, Any] = {
    "kernel_shape": [2], "to": 1, "axis": 0, "perm": [0], "equation": "ij,jk->ik", "hidden_size": 4, "blocksize": 2,
    "pooled_shape": [2, 2], "k": 1, "starts": [0], "ends": [1], "paddings": [0, 0], "shape": [2], "scales": [1.0],
    "num_groups": 2, "mode": "TF", "direction": "LEFT", "axes": [0], "size": 3,
    "ngram_counts": [0], "ngram_indexes": [0], "max_gram_length": 1, "min_gram_length": 1, "max_skip_count": 0,
}  # fmt: skip
SOME: dict[str, Any] = {"INT": 1, "INTS": [1], "FLOAT": 1.0, "FLOATS": [1.0], "STRING": "x"}
"""Values of required attributes that have none above."""


@dataclass(frozen=True)
class Question:
    """An operator, its attributes and what it is fed. data: the number that small integer inputs hold."""

    op: str
    version: int
    attributes: dict[str, Any]
    shapes: tuple[tuple[int, ...], ...]
    data: int | None

    def __str__(self) -> str:
        shown = {k: f"{len(v)} x {v[:1]}" if isinstance(v, list) else v for k, v in self.attributes.items()}
        return f"{self.op}-{self.version} {shown} of {self.shapes}, numbers {self.data}"


def questions(ops: list[str]) -> Iterator[Question]:
    """All questions, in one order."""
    for schema in sorted(onnx.defs.get_all_schemas_with_history(), key=lambda s: (s.name, s.since_version)):
        if schema.domain or schema.deprecated or (ops and schema.name not in ops):
            continue
        fed = (*SHAPES, OWN_SHAPES[schema.name]) if schema.name in OWN_SHAPES else SHAPES
        kinds = {n: _kind(a) for n, a in schema.attributes.items()}
        if "GRAPH" in kinds.values():  # mapper itself infers operators of control flow
            continue
        base = {n: REQUIRED.get(n, SOME[kinds[n]]) for n, a in schema.attributes.items() if a.required}
        for shapes in fed:
            for attributes in _extreme(schema, base):
                yield Question(schema.name, schema.since_version, attributes, shapes, 1)
            for data in EXTREMES:
                yield Question(schema.name, schema.since_version, base, shapes, data)


def _extreme(schema: onnx.defs.OpSchema, base: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name, attribute in schema.attributes.items():
        if _kind(attribute) == "INT":
            yield from ({**base, name: value} for value in EXTREMES)
        elif _kind(attribute) == "INTS":
            yield from ({**base, name: [value] * length} for value in EXTREMES for length in LENGTHS)


def _kind(attribute: onnx.defs.OpSchema.Attribute) -> str:
    return str(attribute.type).rpartition(".")[2]


def ask(question: Question) -> None:
    """Infers the node as the front end does."""
    schema = onnx.defs.get_schema(question.op, question.version)
    inputs: list[Fact | None] = []
    for i, parameter in enumerate(schema.inputs):
        types = _types(schema, parameter.type_str)
        if not any(t.startswith("tensor(") for t in types):
            inputs.append(None)
            continue
        shape = question.shapes[min(i, len(question.shapes) - 1)]
        integer = "tensor(int64)" in types and "tensor(float)" not in types
        if integer and i:  # a shape, axes, repeats, ... that the graph knows
            data = np.full(shape if len(shape) < 2 else (2,), question.data, np.int64)
            inputs.append(Fact(TensorProto.INT64, data.shape, data, Known.FILE))
        else:
            inputs.append(Fact(_element(types), shape, None, Known.FILE))
    outputs = [f"o{i}" for i in range(max(1, schema.min_output))]
    proto = helper.make_node(question.op, [f"i{i}" for i in range(len(inputs))], outputs)
    for name, value in question.attributes.items():
        proto.attribute.append(
            helper.make_attribute(name, value, attr_type=onnx.AttributeProto.INTS if value == [] else None)
        )
    infer(make_node(proto), inputs, {"": question.version}, {})


def _types(schema: onnx.defs.OpSchema, name: str) -> list[str]:
    found = [c.allowed_type_strs for c in schema.type_constraints if c.type_param_str == name]
    return list(found[0]) if found else [name]


def _element(types: list[str]) -> int:
    for word, elem in (("float", TensorProto.FLOAT), ("int64", TensorProto.INT64), ("uint8", TensorProto.UINT8),
                       ("int32", TensorProto.INT32), ("bool", TensorProto.BOOL)):  # fmt: skip
        if f"tensor({word})" in types:
            return int(elem)
    return int(TensorProto.STRING)


def work(first: int, ops: list[str]) -> None:
    """A process of its own: says the number of each question before it, its error where none may be after it."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    for number, question in enumerate(questions(ops)):
        if number < first:
            continue
        print(number, flush=True)
        signal.alarm(SECONDS)  # ends the process, also inside of native code
        try:
            ask(question)
        except Exception as error:
            print(json.dumps(f"{type(error).__name__}: {str(error)[:150]}"), flush=True)


def run(ops: list[str]) -> dict[int, str]:
    """How the questions ended that neither were answered nor refused, by number."""
    found: dict[int, str] = {}
    total = sum(1 for _ in questions(ops))
    at = -1
    while at < total - 1:
        before = at
        command = [sys.executable, __file__, "--work", str(at + 1), "--ops", *ops]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith('"'):
                    found[at] = json.loads(line)
                else:
                    at = int(line)
        if at == before:
            raise RuntimeError(f"a process that asks questions ended with {process.returncode} before the first")
        if process.returncode:
            found[at] = "too slow" if process.returncode == -signal.SIGALRM else f"died ({process.returncode})"
    return found


def main() -> int:
    """Asks, reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ops", nargs="*", default=[])
    parser.add_argument("--work", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work is not None:
        work(options.work, options.ops)
        return 0
    found = run(options.ops)
    for number, question in enumerate(questions(options.ops)):
        if number in found:
            print(f"{question}: {found[number]}", flush=True)
    print(f"{sum(1 for _ in questions(options.ops))} questions, {len(found)} neither answered nor refused")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
