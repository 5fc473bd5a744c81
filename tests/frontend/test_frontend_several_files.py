"""Several files in one graph: weights that are the same stand once, states and results go on."""

from pathlib import Path

import pytest

from mapper.errors import ModelError, UsageError
from mapper.frontend import Together, load_models, parse_phase
from mapper.hw.work import Role
from mapper.ir.graph import ops_in
from tests.pairs import decoder, encoder_decoder, matrices, save

NAMES = ("layer.0.q", "layer.0.k", "layer.0.v", "layer.0.o")


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A prefill and a decode file of one model."""
    return (
        decoder(tmp_path / "prefill.onnx", NAMES, cached=False, width=32),
        decoder(tmp_path / "decode.onnx", NAMES, cached=True, width=32),
    )


def load(pair, *, seq=16, past="16..23", mix=None, **more):
    specs = [parse_phase(f"prefill: seq={seq}"), parse_phase(f"decode: seq=1 past={past}")]
    return load_models(pair, specs, Together(mix, **more))


def weights(graph):
    return [v.name for v in graph.values if v.role is Role.WEIGHT and graph.users[v.name]]


def test_weights_of_one_name_stand_once(pair):
    found = load(pair)
    assert weights(found.graph) == [f"prefill/{n}" for n in NAMES]
    assert any("shares 4 weights" in w for w in found.warnings)


def test_each_phase_runs_the_ops_of_its_own_file(pair):
    found = load(pair)
    prefill, decode = (ops_in(found.graph, p) for p in found.phases)
    assert prefill | decode == set(found.graph.op)
    assert not prefill & decode
    assert "prefill/o_proj" in prefill
    assert "decode/o_proj" in decode


def test_decode_goes_on_with_the_states_that_prefill_leaves(pair):
    states = load(pair).graph.states
    assert [s.name for s in states] == ["prefill/present.0.key", "prefill/present.0.value"] * 2


def test_phases_stand_in_the_order_in_which_they_are_given(pair):
    specs = [parse_phase("decode: seq=1 past=16"), parse_phase("prefill: seq=16")]
    found = load_models(pair, specs, Together({"decode": 1}))
    assert [p.name for p in found.phases] == ["decode", "prefill"]


def test_what_weights_hold_counts_where_names_differ(tmp_path):
    other = tuple(f"val_{i}" for i in range(4))
    files = (
        decoder(tmp_path / "prefill.onnx", NAMES, cached=False, width=128),
        decoder(tmp_path / "decode.onnx", other, cached=True, width=128),
    )
    found = load(files)
    assert weights(found.graph) == [f"prefill/{n}" for n in NAMES]
    assert any("4 by content" in w for w in found.warnings)


def test_weights_that_are_known_to_differ_are_two_whatever_their_names(tmp_path):
    one = decoder(tmp_path / "prefill.onnx", NAMES, cached=False, width=128)
    turned = decoder(tmp_path / "decode.onnx", NAMES[::-1], cached=True, width=128)
    product = load((one, turned)).graph.op["decode/q_proj"]
    assert product.inputs[1] == "prefill/layer.0.q"  # the decode file calls the same numbers layer.0.o


def test_without_names_or_content_weights_pair_up_in_the_order_of_their_use(tmp_path):
    files = (
        decoder(tmp_path / "prefill.onnx", [f"onnx::MatMul_{i}" for i in range(4)], cached=False, width=32),
        decoder(tmp_path / "decode.onnx", [f"val_{i}" for i in range(4)], cached=True, width=32),
    )
    assert any("4 by position" in w for w in load(files).warnings)


def test_models_of_a_mix_share_nothing_by_name(pair):
    found = load(pair, mix={"prefill": 3})
    assert len(weights(found.graph)) == 8
    assert [p.calls for p in found.phases] == [3, 8]


def test_models_without_phases_are_a_mix(tmp_path):
    files = [decoder(tmp_path / f"{name}.onnx", NAMES, cached=False, width=32) for name in ("a", "b")]
    found = load_models(files, [], Together(None, dims={"seq": 4}))
    assert [(p.name, p.calls) for p in found.phases] == [("a", 1), ("b", 1)]
    assert not found.graph.handed


def test_an_encoder_hands_its_result_to_the_decoder(tmp_path):
    files = encoder_decoder(tmp_path)
    specs = [parse_phase("encode@encoder.onnx:"), parse_phase("decode@decoder: seq=1 calls=9")]
    found = load_models(files, specs, Together())
    assert found.graph.handed == (("encoder/last_hidden_state", "decoder/encoder_hidden_states"),)


def test_a_result_goes_where_the_user_connects_it(tmp_path):
    encoder, _ = encoder_decoder(tmp_path)
    nodes = [onnx_node("MatMul", ["given", "w"], ["z"])]
    reader = save(tmp_path / "reader.onnx", nodes, {"given": [1, 16, 8]}, {"z": [1, 16, 8]}, matrices(["w"], seed=2))
    specs = [parse_phase("encoder:"), parse_phase("reader:")]
    found = load_models([encoder, reader], specs, Together(connect=(("last_hidden_state", "given"),)))
    assert found.graph.handed == (("encoder/last_hidden_state", "reader/given"),)
    with pytest.raises(UsageError, match="no file has input 'gven'"):
        load_models([encoder, reader], specs, Together(connect=(("last_hidden_state", "gven"),)))


def onnx_node(*args):
    from onnx import helper

    return helper.make_node(*args)


def test_a_decode_that_starts_elsewhere_than_prefill_ends_is_refused(pair):
    with pytest.raises(ModelError, match=r"'prefill' leaves 16 in dim 2 .* 'decode' starts from 10"):
        load(pair, past="10..12")


def test_one_name_with_two_shapes_is_refused(tmp_path):
    one = decoder(tmp_path / "prefill.onnx", NAMES, cached=False, width=32)
    two = decoder(tmp_path / "decode.onnx", NAMES, cached=True, width=32)
    import onnx

    model = onnx.load(two)
    for node in model.graph.node:
        if node.name == "o_proj":
            wide = matrices(["w"], width=32)["w"].repeat(2, axis=1)
            model.graph.initializer.remove(next(t for t in model.graph.initializer if t.name == "layer.0.o"))
            model.graph.initializer.append(onnx.numpy_helper.from_array(wide, "layer.0.o"))
    model.graph.output[0].type.tensor_type.shape.dim[2].dim_value = 64
    onnx.save(model, two)
    with pytest.raises(ModelError, match=r"'layer.0.o' is \[32, 32\] .* in prefill.*, \[32, 64\]"):
        load((one, two))


def test_a_file_that_is_not_there_is_named_with_its_phase(pair):
    specs = [parse_phase("prefill: seq=4"), parse_phase("decode@gone.onnx: seq=1")]
    with pytest.raises(ModelError, match=r"gone.onnx: no such file, but phase 'decode' runs it"):
        load_models(pair[:1], specs, Together())


def test_a_model_that_no_phase_runs_is_refused(pair):
    with pytest.raises(UsageError, match=r"decode.onnx is given, but no phase runs it"):
        load_models(pair, [parse_phase("prefill@prefill.onnx: seq=4")], Together())


def test_a_phase_that_does_not_say_its_file_is_refused(pair):
    with pytest.raises(UsageError, match=r"phase 'run' does not say which of prefill.onnx, decode.onnx it runs"):
        load_models(pair, [parse_phase("run: seq=4")], Together())


def test_a_dim_that_no_file_has_is_refused(pair):
    with pytest.raises(ModelError, match="colour"):
        load(pair, dims={"colour": 3})


def test_no_model_at_all_is_refused():
    with pytest.raises(UsageError, match="no model"):
        load_models([], [parse_phase("run: seq=4")], Together())


@pytest.mark.parametrize(
    ("text", "file"),
    [("p@a/b.onnx: seq=4", "a/b.onnx"), ("p@x:", "x"), ("p: seq=4", ""), ("p@C:\\m.onnx: seq=4", "C:\\m.onnx")],
)
def test_a_phase_names_its_file_behind_an_at(text, file):
    assert parse_phase(text).file == file


def test_an_unknown_model_of_a_mix_is_refused(pair):
    with pytest.raises(UsageError, match="--mix prefil=2: no such model"):
        load(pair, mix={"prefil": 2})


def test_a_file_given_twice_is_refused_with_the_way_to_run_it_twice(pair):
    with pytest.raises(UsageError, match="is given twice") as error:
        load_models([pair[0], pair[0]], [], Together())
    assert "--mix prefill=2" in str(error.value)


def test_a_connection_needs_a_second_file(pair):
    with pytest.raises(UsageError, match="only file"):
        load_models(pair[:1], [parse_phase("prefill: seq=4")], Together(connect=(("a", "b"),)))
