from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto
from sweeps import examples

from mapper.errors import MissingDims, ModelError
from mapper.frontend.dims.binding import bind
from mapper.frontend.dims.dims import Bound, Dims, place
from mapper.frontend.facts import Declared, DimTerm, Source
from mapper.frontend.phases import parse_phase

Terms = tuple[DimTerm, ...]
INTEGERS = re.compile("ids|mask|position|branch|^n$|tokens|length")


def dims(inputs: Mapping[str, Terms], outputs: Mapping[str, Terms] | None = None) -> Dims:
    """The dims of a file with these inputs and outputs; ids, masks and positions are integers."""

    def declared(terms: Mapping[str, Terms]) -> dict[str, Declared]:
        kinds = {n: TensorProto.INT64 if INTEGERS.search(n) else TensorProto.FLOAT for n in terms}
        return {n: Declared(kinds[n], t) for n, t in terms.items()}

    made = declared(outputs or {})
    return Dims.of(Source("m", "", {}, [], declared(inputs), tuple(made), {}, made))


def bound(inputs: Mapping[str, Terms], **sizes: int) -> Bound:
    return bind(dims(inputs), "run", sizes)


def refused(inputs: Mapping[str, Terms], sizes: Mapping[str, int], outputs: Mapping[str, Terms] | None = None) -> str:
    with pytest.raises(ModelError) as caught:
        bind(dims(inputs, outputs), "run", sizes)
    return str(caught.value)


def cache(batch: DimTerm = "batch_size", past: DimTerm = "past_len") -> dict[str, Terms]:
    return {f"past_key_values.0.{kind}": (batch, 2, past, 4) for kind in ("key", "value")}


DECODER: dict[str, Terms] = {
    "input_ids": ("batch_size", "sequence_length"),
    "attention_mask": ("batch_size", "total_length"),
    "position_ids": ("batch_size", "sequence_length"),
    **cache(),
}
SPELLINGS = {
    "batch": ("batch", "batch_size", "input_ids.0", "past_key_values.0.value.0"),
    "seq": ("seq", "sequence_length", "position_ids.1"),
    "past": ("past", "past_len", "past_key_values.0.key.2"),
    "total": ("total", "total_length", "attention_mask.1"),
}


@examples(30, 100)
@given(st.data())
def test_any_sizes_that_determine_the_rest_are_accepted_in_any_spelling(data: st.DataObject) -> None:
    sizes = {role: data.draw(st.integers(1, 99), label=role) for role in ("batch", "seq", "past")}
    sizes["total"] = sizes["past"] + sizes["seq"]
    two = data.draw(st.sampled_from([("seq", "past"), ("seq", "total"), ("past", "total"), ("seq", "past", "total")]))
    wanted = {
        name: sizes[role]
        for role in ("batch", *two)
        for name in data.draw(st.sets(st.sampled_from(SPELLINGS[role]), min_size=1))
    }
    result = bind(dims(DECODER), "run", dict(data.draw(st.permutations(list(wanted.items())))))
    assert {role: result.roles[role] for role in sizes} == sizes
    assert result.shapes["attention_mask"] == (sizes["batch"], sizes["total"])
    assert result.shapes["past_key_values.0.value"] == (sizes["batch"], 2, sizes["past"], 4)


@examples(30, 100)
@given(st.data())
def test_sizes_that_contradict_are_refused_with_both_numbers(data: st.DataObject) -> None:
    sizes = {"batch": 3, "seq": 5, "past": 7, "total": 12}
    names = {data.draw(st.sampled_from(SPELLINGS[role])): role for role in sizes}
    wrong = data.draw(st.sampled_from([name for name, role in names.items() if role != "batch"]))
    wanted = {name: sizes[role] + (name == wrong) for name, role in names.items()}
    message = refused(DECODER, wanted)
    assert "cannot be both" in message
    assert len(set(re.findall(r"\d+", message.partition("next")[0]))) >= 2


def test_too_few_sizes_are_asked_for_by_role_with_an_example_that_binds() -> None:
    for known in ({}, {"batch": 1}, {"seq": 4}, {"total": 20}, {"past": 3, "batch": 2}):
        with pytest.raises(MissingDims) as caught:
            bind(dims(DECODER), "run", known)
        example = caught.value.example
        assert bind(dims(DECODER), "run", known | example).roles["total"] > 0
        assert len(example) + len(known) <= 3 + ("total" in known)


def test_the_example_of_a_decoder_does_not_ask_for_what_follows() -> None:
    assert "--dim batch=1 --dim seq=1 --dim past=512, or --phase" in refused(DECODER, {})


def test_a_size_given_twice_is_fine_if_it_agrees() -> None:
    assert bound(DECODER, batch=2, batch_size=2, seq=1, past=3, total=4).roles["batch"] == 2


def test_two_spellings_that_disagree_are_refused_by_name() -> None:
    message = refused(DECODER, {"batch": 2, "batch_size": 3, "seq": 1, "past": 3})
    assert "'batch' cannot be both 2 (given) and 3 (given as 'batch_size')" in message


def test_a_fixed_dim_takes_the_size_it_has_and_no_other() -> None:
    picture: dict[str, Terms] = {"pixel_values": (1, 3, 224, 224)}
    assert bound(picture, batch=1).shapes["pixel_values"] == (1, 3, 224, 224)
    assert bound(picture, **{"pixel_values.2": 224}).shapes["pixel_values"] == (1, 3, 224, 224)
    message = refused(picture, {"batch": 2})
    assert "2 (given) and 1 (fixed by dim 0 of input 'pixel_values')" in message


def test_expressions_are_solved_backwards_where_one_name_is_open() -> None:
    inputs: dict[str, Terms] = {"input_ids": ("b", 1), "attention_mask": ("b", "past_len + 1"), **cache("b")}
    assert bound(inputs, batch=1, total=17).roles["past"] == 16
    assert bound(inputs, batch=1, **{"past_len + 1": 17}).names["past_len"] == 16
    assert bound(inputs, batch=1, past_len=16).shapes["attention_mask"] == (1, 17)
    assert "17 (given)" in refused(inputs, {"batch": 1, "past": 9, "total": 17})


def test_an_expression_without_a_whole_solution_is_refused() -> None:
    message = refused({"x": ("n", "2*half"), "z": ("half",)}, {"n": 1, "x.1": 5})
    assert "no whole size of 'half' makes 2*half equal to 5 (given as 'x.1')" in message


def test_torch_export_expressions_bind_by_their_symbols() -> None:
    inputs: dict[str, Terms] = {"x": ("Max(1, s0)", "s1//2 + 1", "2*s1"), "z": ("((s0 + 15)//16)",)}
    assert bound(inputs, s0=20, s1=8).shapes == {"x": (20, 5, 16), "z": (2,)}
    assert bound(inputs, s0=20, **{"x.2": 16}).shapes == {"x": (20, 5, 16), "z": (2,)}


def test_a_name_with_dashes_is_a_name_unless_its_parts_are_names() -> None:
    assert bound({"x": ("n", "seq-len")}, **{"n": 2, "seq-len": 7}).shapes["x"] == (2, 7)
    assert bound({"x": ("total", "total-past", "past")}, total=9, past=4).shapes["x"] == (9, 5, 4)


@pytest.mark.parametrize("name", ["unk__214", "p2o.DynamicDimension.1", "Concatpresent.0.key_dim_3", "no - name", "é"])
def test_odd_names_are_names(name: str) -> None:
    assert bound({"x": (8, name)}, **{name: 5}).shapes["x"] == (8, 5)


def test_unnamed_dims_are_bound_by_place() -> None:
    assert bound({"x": (None, 3, None, None)}, **{"batch": 2, "x.2": 48, "x.3": 320}).shapes["x"] == (2, 3, 48, 320)


def test_a_name_that_only_outputs_have_is_taken_and_solved() -> None:
    inputs: dict[str, Terms] = {"input_ids": ("b", 1), **cache("b")}
    found = bind(dims(inputs, {"present.0.key": ("b", 2, "past_len + 1", 4)}), "run", {"b": 1, "past_len + 1": 17})
    assert found.roles["past"] == 16


def test_a_name_of_the_file_stands_for_what_the_file_means() -> None:
    inputs: dict[str, Terms] = {"decoder_input_ids": ("b", "dec"), "encoder_hidden_states": ("b", "seq", 8)}
    assert bound(inputs, batch=1, seq=9, dec=2).shapes["encoder_hidden_states"] == (1, 9, 8)
    assert "--dim dec=" in refused(inputs, {"batch": 1, "seq": 9})


def test_an_unknown_name_shows_what_there_is_and_a_line_that_binds() -> None:
    message = refused({"pixel_values": ("n", 3, 224, 224)}, {"batch": 1, "seq": 16, "past": 16})
    assert "no dim 'seq'" in message
    assert "batch: dim 0 of input 'pixel_values', called 'n' in the file" in message
    assert '--phase "run: batch=1"' in message


def test_a_misspelled_name_shows_the_line_that_was_meant() -> None:
    message = refused({"input_ids": ("b", "s")}, {"batch": 1, "seqq": 8})
    assert "did you mean 'seq'?" in message
    assert "write 'seq': --phase \"run: batch=1 seq=8\"" in message


def test_a_past_in_a_graph_without_cache_is_refused_unless_it_is_empty() -> None:
    inputs: dict[str, Terms] = {"input_ids": ("b", "s"), "attention_mask": ("b", "s")}
    message = refused(inputs, {"batch": 1, "seq": 16, "past": 16})
    assert "it reads no cache, past is 0 in all its calls" in message
    assert '--phase "run: batch=1 seq=16"' in message
    assert bound(inputs, batch=1, seq=16, past=0).shapes["input_ids"] == (1, 16)


def test_an_empty_cache_is_fine_and_other_dims_are_not_empty() -> None:
    assert bound(DECODER, batch=1, seq=8, past=0).shapes["attention_mask"] == (1, 8)
    assert "would be 0; the least is 1" in refused(DECODER, {"batch": 1, "seq": 0, "past": 3})
    assert "would be -2" in refused(DECODER, {"batch": 1, "seq": 5, "total": 3})


def test_tensors_just_below_two_to_the_63_are_accepted() -> None:
    assert bound({"x": ("a", "b")}, a=2**62, b=1).shapes["x"] == (2**62, 1)
    assert "more than 2^63" in refused({"x": ("a", "b")}, {"a": 2**62, "b": 2})


@pytest.mark.parametrize(("value", "fits"), [(1, True), (0, True), (2, False), (10**30, False)])
def test_a_scalar_input_takes_what_its_type_has(value: int, fits: bool) -> None:
    flag = Declared(TensorProto.BOOL, (1,))
    found = Dims.of(Source("m", "", {}, [], {"use_cache_branch": flag}, (), {}, {}))
    if fits:
        assert bind(found, "run", {"use_cache_branch": value}).scalars == {"use_cache_branch": value}
    else:
        with pytest.raises(ModelError, match="of type bool"):
            bind(found, "run", {"use_cache_branch": value})


def test_batches_of_two_towers_may_differ() -> None:
    inputs: dict[str, Terms] = {"input_ids": ("text_batch", "seq"), "pixel_values": ("image_batch", 3, 8, 8)}
    assert bound(inputs, text_batch=4, image_batch=1, seq=7).shapes["pixel_values"][0] == 1
    assert bound(inputs, batch=4, seq=7).shapes["pixel_values"][0] == 4
    assert bound(inputs, batch=4, image_batch=1, seq=7).shapes["input_ids"][0] == 4


def test_sizes_say_where_they_come_from() -> None:
    reasons = bound(DECODER, batch=1, sequence_length=2, past=3).reasons
    assert reasons["batch"] == "given"
    assert reasons["seq"] == "given as 'sequence_length'"
    assert reasons["attention_mask.1"] == "past 3 + seq 2"


@pytest.mark.parametrize("text", ["d: seq=" + "9" * 5000, "d: seq=٣", "d: a=1..99999999999999999999999"])
def test_numbers_beyond_reason_are_refused_in_words(text: str) -> None:
    from mapper.errors import UsageError

    with pytest.raises(UsageError):
        parse_phase(text)


ENCODER_DECODER: dict[str, Terms] = {
    "input_ids": ("batch", "decoder_sequence_length"),
    "encoder_hidden_states": ("batch", "encoder_sequence_length", 8),
    "encoder_attention_mask": ("batch", "encoder_sequence_length"),
    "past_key_values.0.decoder.key": ("batch", 2, "past_decoder_sequence_length", 4),
    "past_key_values.0.encoder.key": ("batch", 2, "encoder_sequence_length_out", 4),
}
ROLES: list[tuple[dict[str, Terms], dict[str, str]]] = [
    (DECODER, {"input_ids.1": "seq", "attention_mask.1": "total", "past_key_values.0.key.2": "past"}),
    (
        ENCODER_DECODER,
        {
            "input_ids.1": "seq",
            "encoder_hidden_states.1": "enc_seq",
            "encoder_attention_mask.1": "enc_seq",
            "past_key_values.0.decoder.key.2": "past",
            "past_key_values.0.encoder.key.2": "enc_seq",
            "past_key_values.0.encoder.key.0": "batch",
        },
    ),
    (
        {"input_ids": ("b", "e"), "attention_mask": ("b", "e"), "decoder_input_ids": ("b", "d")},
        {"input_ids.1": "enc_seq", "attention_mask.1": "enc_seq", "decoder_input_ids.1": "seq"},
    ),
    (
        {"input_ids": ("b", "s"), "attention_mask": ("b", "s"), **cache("b", "p")},
        {"attention_mask.1": "seq", "past_key_values.0.key.2": "past"},
    ),
    (
        {"inputs_embeds": ("b", "s", 64), "attention_mask": ("b", 1, "s", "t"), **cache("b", "p")},
        {"inputs_embeds.1": "seq", "attention_mask.2": "seq", "attention_mask.3": "total"},
    ),
    ({"position_ids": (3, "b", "s"), "input_ids": ("b", "s")}, {"position_ids.1": "batch", "position_ids.2": "seq"}),
    ({"input_ids": ("b", 16), "conv_state_0": ("b", 64, 4)}, {"conv_state_0.0": "batch", "conv_state_0.1": ""}),
    ({"past_conv.0": ("b", 64, 3), "input_ids": ("b", "s")}, {"past_conv.0.0": "batch", "past_conv.0.1": ""}),
    ({"input": (None, None), "state": (2, None, 128)}, {"input.0": "batch", "state.1": "batch", "state.0": ""}),
    ({"x": ("sequence_length", 576)}, {"x.0": "seq"}),
    ({"x": ("time", "batch", 40)}, {"x.0": "", "x.1": "batch"}),
    (
        {"src_ids": ("b", "src_len"), "tgt_ids": ("b", "tgt_len"), "src_mask": ("b", "src_len")},
        {"src_ids.1": "enc_seq", "tgt_ids.1": "seq", "src_mask.1": "enc_seq"},
    ),
    ({"src": ("b", "src_len", 8), "tgt": ("b", "tgt_len", 8)}, {"src.1": "enc_seq", "tgt.1": "seq"}),
    ({"x": ("batch", 80, "frames"), "audio_length": ("batch",)}, {"x.0": "batch", "audio_length.0": "batch"}),
    ({"key_cache_0": (2, "b", 8, "len", 4), "tokens": ("b", "n")}, {"key_cache_0.1": "batch", "key_cache_0.3": "past"}),
]


@pytest.mark.parametrize(("inputs", "wanted"), ROLES)
def test_roles_are_found_from_tokens_masks_positions_and_caches(
    inputs: dict[str, Terms], wanted: dict[str, str]
) -> None:
    found = dims(inputs)
    roles = {place(slot): found.roles.get(slot, "") for slot in found.slots}
    assert {where: roles[where] for where in wanted} == wanted


def test_a_bias_of_one_batch_serves_any_batch() -> None:
    inputs: dict[str, Terms] = {"query": ("batch", "seq", 8), "bias": (1, 2, "seq", "seq")}
    assert bound(inputs, batch=3, seq=4).shapes == {"query": (3, 4, 8), "bias": (1, 2, 4, 4)}
