"""Which keys a query sees is found by computing masks: at any size, of one query or many, from assumed inputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx_graphs import weight

from mapper.frontend import load_model, parse_phase
from mapper.frontend.lowering.visible import Visible, classify
from mapper.ir.graph import Op

SCORES = "p = MatMul (q, k)"
TAIL = "w = Softmax <axis = -1> (s) y = MatMul (w, v)"
QKV = "float[1, 2, seq, 8] q, float[1, 2, 8, total] k, float[1, 2, total, 8] v"
NUMBERS = """
 zero = Constant <value_int = 0> () one = Constant <value_int = 1> () a0 = Constant <value_ints = [0]> ()
 a1 = Constant <value_ints = [1]> () low = Constant <value_float = -3.0e38> () qs = Shape <start = 2, end = 3> (q)
 ks = Shape <start = 3, end = 4> (k) qn = Squeeze (qs) kn = Squeeze (ks) past = Sub (kn, qn)
 keys = Range (zero, kn, one) kr = Unsqueeze (keys, a0)
"""
COUNTED = f"{NUMBERS} places = Range (past, kn, one) qr = Unsqueeze (places, a1) ahead = Sub (kr, qr)"
GIVEN = f"{NUMBERS} qr = Unsqueeze (position_ids, a1) ahead = Sub (kr, qr)"
CAUSAL = "late = Greater (ahead, zero) s = Where (late, low, p)"
WINDOW = """four = Constant <value_int = -4> () late = Greater (ahead, zero) early = LessOrEqual (ahead, four)
 out = Or (late, early) s = Where (out, low, p)"""
PADDED = """m4 = Unsqueeze (attention_mask, middle) mf = Cast <to = 1> (m4) none = Constant <value_float = 1.0> ()
 gone = Sub (none, mf) bias = Mul (gone, low)"""
MIDDLE = "middle = Constant <value_ints = [1, 2]> ()"
BUFFER = """size = Concat <axis = 0> (qs, ks) ends = Add (kn, zero) e = Unsqueeze (ends, a0) b = Unsqueeze (past, a0)
 rows = Constant <value_ints = [2]> () columns = Constant <value_ints = [3]> () f = Constant <value_ints = [0]> ()
 cut = Slice (buffer, b, e, rows) seen = Slice (cut, f, e, columns) s = Where (seen, p, low)"""


def softmax_of(folder: Path, inputs: str, body: str, phase: str, *weights: onnx.TensorProto) -> Op:
    """The softmax of a tiny model in that phase."""
    text = f"""<ir_version: 9, opset_import: ["" : 18]> g ({inputs}) => (float[1, 2, seq, 8] y)
        {{ {SCORES} {body} {TAIL} }}"""
    built = onnx.parser.parse_model(text)
    built.graph.initializer.extend(weights)
    onnx.save(built, folder / "model.onnx")
    graph = load_model(folder / "model.onnx", [parse_phase(phase)]).graph
    return next(op for op in graph.ops if op.kind == "softmax")


def known(op: Op) -> dict[str, object]:
    return {key: op.attr(key) for key in ("causal", "window") if op.attr(key) is not None}


@pytest.mark.parametrize("sizes", ["seq=7 total=7", "seq=3 total=11", "seq=300 total=900"])
@pytest.mark.parametrize(("mask", "wanted"), [(CAUSAL, {"causal": 1}), (WINDOW, {"causal": 1, "window": 4})])
def test_masks_are_computed_at_any_size(mask: str, wanted: dict[str, int], sizes: str, tmp_path: Path) -> None:
    assert known(softmax_of(tmp_path, QKV, f"{COUNTED} {mask}", f"run: {sizes}")) == wanted


def test_positions_that_are_inputs_count_on_to_the_last_key(tmp_path: Path) -> None:
    body = f"{GIVEN} {WINDOW}"
    op = softmax_of(tmp_path, f"{QKV}, int64[seq] position_ids", body, "run: seq=5 total=9")
    assert known(op) == {"causal": 1, "window": 4}


def test_padding_is_assumed_to_hide_nothing(tmp_path: Path) -> None:
    body = f"{COUNTED} {MIDDLE} {PADDED} s = Add (p, bias)"
    assert known(softmax_of(tmp_path, f"{QKV}, int64[1, total] attention_mask", body, "run: seq=6 total=6")) == {}


def test_a_stripped_square_of_booleans_is_the_triangle_of_earlier_positions(tmp_path: Path) -> None:
    buffer = weight("buffer", [1, 1, 128, 128], onnx.TensorProto.BOOL)
    op = softmax_of(tmp_path, QKV, f"{COUNTED} {BUFFER}", "run: seq=3 total=8", buffer)
    assert known(op) == {"causal": 1}


def test_a_single_query_within_a_window_is_causal_and_has_the_window(tmp_path: Path) -> None:
    assert known(softmax_of(tmp_path, QKV, f"{COUNTED} {WINDOW}", "run: seq=1 total=9")) == {"causal": 1, "window": 4}


def test_a_window_wider_than_the_keys_is_none(tmp_path: Path) -> None:
    assert known(softmax_of(tmp_path, QKV, f"{COUNTED} {WINDOW}", "run: seq=3 total=3")) == {"causal": 1}


def test_scores_without_a_mask_show_every_key(tmp_path: Path) -> None:
    assert known(softmax_of(tmp_path, QKV, "s = Identity (p)", "run: seq=4 total=4")) == {}


ROWS = np.arange(6)


@pytest.mark.parametrize(
    ("seen", "wanted"),
    [
        (np.ones((6, 6), bool), Visible(told=True)),
        (np.tri(6, dtype=bool), Visible(causal=True, told=True)),
        (np.tri(6, dtype=bool) & ~np.tri(6, k=-2, dtype=bool), Visible(causal=True, window=2, told=True)),
        (np.tri(6, k=1, dtype=bool) & ~np.tri(6, k=-2, dtype=bool), Visible(window=3, told=True)),
        (np.kron(np.eye(2), np.ones((3, 3))).astype(bool), Visible(told=True)),
        (np.tri(6, k=-1, dtype=bool), Visible()),
    ],
    ids=["full", "causal", "causal window", "window", "blocks", "a row without keys"],
)
def test_patterns_have_names_or_none(seen: np.ndarray, wanted: Visible) -> None:  # type: ignore[type-arg]
    assert classify(ROWS, seen, 6) == wanted
