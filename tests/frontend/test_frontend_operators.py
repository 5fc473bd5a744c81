"""One op at a time: every operator of onnxruntime, and standard ones with sizes, kinds and MACs of their own."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import onnx
import pytest

from mapper.errors import ModelError
from mapper.frontend.facts import dtype_of
from mapper.frontend.load import load_model
from mapper.frontend.vocabulary import KIND_OF, OPAQUE, kind_by_name
from mapper.frontend.vocabulary import STANDARD as STANDARD_DOMAINS
from mapper.ir.graph import Phase
from mapper.ir.kinds import KINDS
from mapper.ir.op_work import work
from mapper.ir.plan import Plan
from mapper.ir.rules_shapes import graph_attention, graph_shapes, graph_sizes
from tests.frontend.contrib_probes import CONTRIB
from tests.frontend.onnx_graphs import save
from tests.frontend.probes import Probe
from tests.frontend.standard_probes import STANDARD

PROBES = [*CONTRIB, *STANDARD]


@pytest.mark.parametrize("probe", PROBES, ids=[f"{i}-{p.op}" for i, p in enumerate(PROBES)])
def test_an_operator_is_read_with_its_shapes_its_kind_and_its_macs(probe: Probe, tmp_path: Path) -> None:
    graph = load_model(save(tmp_path, probe.model())).graph
    for index, expected in enumerate(probe.expected()):
        if expected is not None:
            value = graph.value[f"y{index}"]
            assert (value.shape, value.dtype) == (expected[1], dtype_of(expected[0]))
    plan = cast(Plan, SimpleNamespace(graph=graph, phases=(Phase("run", (), 1),)))
    assert [line for finder in (graph_sizes, graph_shapes, graph_attention) for line in finder(plan)] == []
    assert probe.kind in [op.kind for op in graph.ops]
    assert sum(work(graph, op, {}).macs for op in graph.ops) == (probe.macs or 0)


@pytest.mark.parametrize("probe", [p for p in CONTRIB if p.oracle], ids=lambda p: p.op)
def test_onnxruntime_infers_the_same_shapes(probe: Probe) -> None:
    runtime = pytest.importorskip("onnxruntime.capi.onnxruntime_pybind11_state")
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    model = probe.model()
    for output in model.graph.output:
        output.type.Clear()
    session = runtime.InferenceSession(options, model.SerializeToString(), False, True)
    shapes = [tuple(output.shape) for output in session.outputs_meta]
    assert shapes == [expected[1] for expected in probe.expected() if expected is not None]


def test_every_operator_of_the_standard_has_a_kind_or_a_reason_to_be_opaque() -> None:
    dissolved = {"Constant", "Einsum", "If", "Loop", "Scan", "SequenceMap"}
    for schema in onnx.defs.get_all_schemas():
        if schema.domain in STANDARD_DOMAINS and not schema.deprecated and schema.name not in dissolved:
            sequence = "Sequence" in schema.name or schema.name.startswith("Optional")
            assert sequence or schema.name in KIND_OF or schema.name in OPAQUE, schema.name


def test_every_kind_of_the_table_exists() -> None:
    assert set(KIND_OF.values()) <= set(KINDS)


def test_a_known_name_in_an_unknown_domain_says_nothing() -> None:
    assert kind_by_name("Conv", "com.acme") == "opaque"
    assert kind_by_name("Conv", "com.microsoft.nchwc") == "conv"


def test_a_mixture_without_its_matrices_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="do not fit its inputs"):
        load_model(save(tmp_path, Probe("MoE", "f2,4,8 f6,4", "f2,4,8", "matmul", {"k": 2}).model()))


def test_more_parts_than_outputs_are_refused(tmp_path: Path) -> None:
    split = Probe("Split", "f2,6", "f2,3 f2,3", "move", {"axis": 1, "num_outputs": 1}, domain="")
    with pytest.raises(ModelError, match="num_outputs is 1, but it has 2 outputs"):
        load_model(save(tmp_path, split.model()))
