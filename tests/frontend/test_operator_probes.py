"""The one-op models that onnx tests its own operators with: every one is read, and its results have the right shapes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from mapper.errors import MissingDims, ModelError
from mapper.frontend.facts import dtype_of
from mapper.frontend.load import Imported, load_model
from mapper.frontend.phases import PhaseSpec
from mapper.ir.plan import Plan
from mapper.ir.rules_shapes import graph_attention, graph_shapes, graph_sizes
from tests.frontend.onnx_graphs import save

pytestmark = pytest.mark.slow

EXCEPTIONS = {
    "test_identity_sequence": "states no rank for the elements of its sequence",
    "test_not_2d": "states opset 1; 6 is the oldest that is read",
    "test_not_3d": "states opset 1; 6 is the oldest that is read",
    "test_not_4d": "states opset 1; 6 is the oldest that is read",
    "test_scan_sum": "states opset 8, where Scan had a batch dim of its own",
    "test_sequence_model8": "its example is a tensor of no elements in parts of none, and its dim is open",
    "test_sequence_insert_at_back": "states no rank for the elements of its sequence",
    "test_sequence_insert_at_front": "states no rank for the elements of its sequence",
}
"""Models that are refused, and why."""

OPEN_SIZES = frozenset(
    {"Compress", "ImageDecoder", "NonMaxSuppression", "NonZero", "StringNormalizer", "StringSplit", "Unique"}
)
"""Operators whose output size depends on more than small integers: only the rank can be right."""

PICTURES = frozenset({"Resize", "Upsample"})
"""Operators whose scales may be no whole numbers, which --expect takes alone."""

Case = tuple[str, onnx.ModelProto, list[object], list[object]]


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    """Name, model, and example inputs and outputs of all node tests of the installed onnx."""
    node = pytest.importorskip("onnx.backend.test.case.node", reason="this onnx comes without its node tests")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = node.collect_testcases(None)
    if not found:
        pytest.skip("this onnx comes without its node tests")
    return [(c.name, c.model, *(c.data_sets[0] if c.data_sets else ([], []))) for c in found]


def numbers_of(model: onnx.ModelProto, examples: list[object]) -> dict[str, int]:
    """Small whole numbers among the example inputs, as a user would give them with --expect."""
    found = {}
    for info, example in zip(model.graph.input, examples, strict=False):
        if not isinstance(example, (np.ndarray, np.generic)):
            continue
        if example.dtype.kind not in "iufb" and example.dtype.name != "bfloat16":
            continue
        array = np.asarray(example)
        if array.ndim > 1 or array.size > 16 or not np.array_equal(array, np.round(array.astype(np.float64))):
            continue
        names = [info.name] if array.size == 1 else [f"{info.name}[{i}]" for i in range(array.size)]
        found.update(zip(names, map(int, array.reshape(-1)), strict=True))
    return found


def load(path: Path, model: onnx.ModelProto, inputs: list[object]) -> Imported:
    """The model with the numbers and sizes of its example; dims that must be given are those of the example."""
    expect = numbers_of(model, inputs)
    try:
        return load_model(path, expect=expect)
    except MissingDims as missing:
        return load_model(path, [PhaseSpec("run", calls=1)], missing.example, expect)


def differences(imported: Imported, model: onnx.ModelProto, outputs: list[object], exact: bool) -> Iterator[str]:
    """Outputs whose shape or element type is not that of the example."""
    binding = imported.phases[0].bindings()[0]
    plan = SimpleNamespace(graph=imported.graph, phases=imported.phases)
    yield from (line for finder in (graph_sizes, graph_shapes, graph_attention) for line in finder(cast(Plan, plan)))
    for info, example in zip(model.graph.output, outputs, strict=False):
        if not isinstance(example, (np.ndarray, np.generic)) or not info.type.HasField("tensor_type"):
            continue
        value = imported.graph.value.get(info.name)
        if value is None:
            yield f"{info.name} is not there"
            continue
        shape = tuple(d if isinstance(d, int) else binding[d] for d in value.shape)
        expected = np.shape(example)
        if shape != expected if exact else len(shape) != len(expected):
            yield f"{info.name} is {shape}, not {expected}"
        if value.dtype != dtype_of(info.type.tensor_type.elem_type):
            yield f"{info.name} is of type {value.dtype}"


def ledger(cases: list[Case], folder: Path, *, stated: bool) -> dict[str, str]:
    """What is wrong, by model; `stated` says whether the files keep the shapes of their outputs."""
    found = {}
    for name, whole, inputs, outputs in cases:
        model = onnx.ModelProto()
        model.CopyFrom(whole)
        kinds = {node.op_type for node in model.graph.node}
        if not stated:
            for info in model.graph.output:
                if info.type.HasField("tensor_type"):
                    info.type.tensor_type.ClearField("shape")
        try:
            imported = load(save(folder, model), model, inputs)
        except Exception as error:
            found[name] = f"{type(error).__name__}: {error}"
            continue
        exact = kinds.isdisjoint(OPEN_SIZES) and (stated or kinds.isdisjoint(PICTURES))
        wrong = list(differences(imported, model, outputs, exact))
        if wrong:
            found[name] = "; ".join(wrong)
    return {name: why for name, why in found.items() if name not in EXCEPTIONS}


def test_every_node_model_of_onnx_is_read_as_it_is(cases: list[Case], tmp_path: Path) -> None:
    assert ledger(cases, tmp_path, stated=True) == {}


def test_every_node_model_of_onnx_is_read_without_the_shapes_it_states(cases: list[Case], tmp_path: Path) -> None:
    assert ledger(cases, tmp_path, stated=False) == {}


def shipped() -> list[Path]:
    """The one-op and small models that onnx ships as files, from two exporters among others."""
    root = Path(onnx.__file__).parent / "backend" / "test" / "data"
    return sorted(root.rglob("*.onnx"))


def examples_of(model: onnx.ModelProto, folder: Path) -> list[object]:
    """The example inputs beside a model, where they are tensors."""
    found: list[object] = []
    for index, info in enumerate(model.graph.input):
        path = folder / "test_data_set_0" / f"input_{index}.pb"
        plain = path.exists() and info.type.HasField("tensor_type")
        found.append(numpy_helper.to_array(onnx.TensorProto.FromString(path.read_bytes())) if plain else None)
    return found


@pytest.mark.skipif(not shipped(), reason="this onnx comes without its test files")
def test_every_model_file_that_onnx_ships_is_read() -> None:
    refused = {}
    for path in shipped():
        model = onnx.load(path, load_external_data=False)
        try:
            imported = load(path, model, examples_of(model, path.parent))
        except ModelError as error:
            refused[path.parent.name] = str(error)
            continue
        refused.update(dict.fromkeys(differences(imported, onnx.ModelProto(), [], exact=True), path.parent.name))
    assert {name: why for name, why in refused.items() if name not in EXCEPTIONS} == {}
