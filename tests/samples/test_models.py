"""The sample builders write graphs that run, and whose KV cache means what it should."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from mapper.inspector import inspect
from samples.models import bert, decoder, gpt2, sizes
from samples.models.build import MODELS, main
from samples.models.onnx_writer import STRIPPED

ort = pytest.importorskip("onnxruntime")


def session(model: onnx.ModelProto) -> ort.InferenceSession:
    return ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def feed(ids: np.ndarray, pasts: list[np.ndarray]) -> dict[str, np.ndarray]:
    past = pasts[0].shape[2]
    batch, seq = ids.shape
    names = [f"past_key_values.{i}.{part}" for i in range(gpt2.TINY.layers) for part in ("key", "value")]
    return {
        "input_ids": ids,
        "position_ids": np.arange(past, past + seq)[None].repeat(batch, 0),
        "attention_mask": np.ones((batch, past + seq), np.int64),
        **dict(zip(names, pasts, strict=True)),
    }


def test_prefill_then_decode_equals_one_long_prefill() -> None:
    run = session(gpt2.build(gpt2.TINY, seed=1)).run
    ids = np.random.default_rng(0).integers(0, gpt2.TINY.vocabulary, (2, 7))
    empty = [np.zeros((2, gpt2.TINY.heads, 0, gpt2.TINY.head_dim), np.float32)] * (2 * gpt2.TINY.layers)
    whole, *cache = run(None, feed(ids, empty))
    logits, *pasts = run(None, feed(ids[:, :5], empty))
    np.testing.assert_allclose(logits, whole[:, :5], rtol=1e-4, atol=1e-4)
    for step in (5, 6):
        logits, *pasts = run(None, feed(ids[:, step : step + 1], pasts))
        np.testing.assert_allclose(logits[:, 0], whole[:, step], rtol=1e-4, atol=1e-4)
    for grown, once in zip(pasts, cache, strict=True):
        np.testing.assert_allclose(grown, once, rtol=1e-4, atol=1e-4)


LLAMA_LIKE = replace(decoder.TINY, gated=True, rms=True, rotary=True, bias=False)


TIED = replace(decoder.TINY, tied=True)
PLAIN_MIXTURE = replace(TIED, experts=4, bias=False)  # onnxruntime has no gated experts on CPU


@pytest.mark.parametrize(
    "config",
    [decoder.TINY, LLAMA_LIKE, TIED, PLAIN_MIXTURE],
    ids=["learned positions", "rotary", "tied", "experts"],
)
def test_a_decoder_says_the_same_of_a_token_with_and_without_a_cache(config: decoder.Decoder) -> None:
    run = session(decoder.build(config, seed=1)).run
    ids = np.random.default_rng(0).integers(0, config.vocabulary, (2, 6))
    empty = [np.zeros((2, config.kv_heads, 0, config.size), np.float32)] * (2 * config.layers)
    whole, *_ = run(None, decoder_feed(config, ids, empty))
    _, *pasts = run(None, decoder_feed(config, ids[:, :5], empty))
    last, *_ = run(None, decoder_feed(config, ids[:, 5:], pasts))
    np.testing.assert_allclose(last, whole, rtol=1e-4, atol=1e-4)


def decoder_feed(config: decoder.Decoder, ids: np.ndarray, pasts: list[np.ndarray]) -> dict[str, np.ndarray]:
    past, (batch, seq) = pasts[0].shape[2], ids.shape
    names = [f"past.{i}.{part}" for i in range(config.layers) for part in ("key", "value")]
    places = {} if config.rotary else {"position_ids": np.arange(past, past + seq)[None].repeat(batch, 0)}
    lengths = np.full(batch, past + seq - 1, np.int32)
    total = np.array([past + seq], np.int32)
    caches = dict(zip(names, pasts, strict=True))
    return {"input_ids": ids, "seqlens_k": lengths, "total_sequence_length": total, **places, **caches}


def test_the_ranks_of_a_decoder_divide_its_layers_and_keep_its_norms() -> None:
    whole, part = (decoder.build(replace(LLAMA_LIKE, ranks=r)) for r in (1, 2))
    sizes = [{t.name: list(t.dims) for t in m.graph.initializer} for m in (whole, part)]
    assert sizes[0]["layers.0.attention.qkv.weight"] == [64, 128]
    assert sizes[1]["layers.0.attention.qkv.weight"] == [64, 64]
    assert sizes[1]["layers.0.mlp.down.weight"] == [64, 64]
    assert sizes[1]["layers.0.mlp.norm.weight"] == [64]
    assert [n.op_type for n in part.graph.node].count("AllReduce") == 4
    with pytest.raises(ValueError, match="3 ranks do not divide 4 heads"):
        decoder.build(replace(LLAMA_LIKE, ranks=3))


def test_padding_does_not_change_what_bert_says_of_the_other_tokens() -> None:
    run = session(bert.build(bert.TINY, seed=1)).run
    ids = np.arange(1, 7)[None]
    zeros = np.zeros_like(ids)
    (short,) = run(None, {"input_ids": ids[:, :4], "attention_mask": zeros[:, :4] + 1, "token_type_ids": zeros[:, :4]})
    mask = (ids <= 4).astype(np.int64)
    (padded,) = run(None, {"input_ids": ids, "attention_mask": mask, "token_type_ids": zeros})
    np.testing.assert_allclose(padded[:, :4], short, rtol=1e-4, atol=1e-4)


def parameters(model: onnx.ModelProto) -> int:
    tables = ("const_", "rotary.")
    return sum(int(np.prod(t.dims)) for t in model.graph.initializer if not t.name.startswith(tables))


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("gpt2", 124_439_808),
        ("bert-base", 108_891_648),
        ("gpt3-175b", 174_604_259_328),
        ("llama2-7b", 6_738_415_616),
        ("llama2-70b", 68_976_648_192),
        ("llama3-8b", 8_030_261_248),
        ("llama3.1-405b", 405_853_388_800),
        ("mixtral-8x7b", 46_702_792_704),
        ("gpt1", 116_534_784),
        ("gpt2-medium", 354_823_168),
        ("gpt2-large", 774_030_080),
        ("gpt2-xl", 1_557_611_200),
        ("vit", 86_567_656),
        ("vit-large", 304_326_632),
        ("stable-diffusion-unet", 859_520_964),
        ("dit", 675_129_632),
        ("vgg16", 138_357_544),
        ("resnet18", 11_689_512 - 4800),  # 4800 channels have a bias in place of a norm's scale and offset
        ("squeezenet", 1_235_496),
    ],
)
def test_the_graphs_declare_the_published_number_of_parameters(name: str, published: int) -> None:
    assert parameters(MODELS[name](None, None)) == published


def decoder_macs(config: decoder.Decoder, total: int) -> int:
    """Of one token that sees `total` ones."""
    own = config.width * config.size * (config.heads + (config.kv_heads or config.heads))
    experts = config.width * config.experts + (config.picked if config.experts else 1) * (
        (3 if config.gated else 2) * config.width * config.inner
    )
    attention = 2 * own + 2 * config.heads * config.size * total
    return config.layers * (attention + experts) + config.width * config.vocabulary


@pytest.mark.parametrize(
    "config",
    [sizes.LLAMA2_70B, sizes.MIXTRAL_8X7B, pytest.param(sizes.GPT4_LIKE, marks=pytest.mark.slow), sizes.MIXTRAL_TINY],
    ids=lambda c: c.name,
)
def test_the_front_end_counts_the_macs_of_a_decoded_token(config: decoder.Decoder, tmp_path: Path) -> None:
    main([config.name, "--out", str(tmp_path / "model.onnx")])
    found = inspect(tmp_path / "model.onnx", dims={"batch": 1, "seq": 1, "past": 512})
    assert found.macs == decoder_macs(config, 513)


@pytest.mark.parametrize(
    ("name", "macs", "parameters"),
    [
        ("vit", 17.6e9, 86.6e6),
        ("dit", 118.6e9, 675e6),
        pytest.param("stable-diffusion-unet", 402e9, 860e6, marks=pytest.mark.slow),
        ("resnet18", 1.814e9, 11.68e6),
    ],
)
def test_the_front_end_counts_the_published_macs_of_an_image(
    name: str, macs: float, parameters: float, tmp_path: Path
) -> None:
    main([name, "--out", str(tmp_path / "model.onnx")])
    found = inspect(tmp_path / "model.onnx", dims={"batch": 1, **({"seq": 77} if name.endswith("unet") else {})})
    assert found.macs == pytest.approx(macs, rel=0.01)
    assert found.parameters == pytest.approx(parameters, rel=0.001)


@pytest.mark.parametrize("name", ["vit-tiny", "dit-tiny", "unet-tiny"])
def test_an_image_model_says_the_same_of_an_image_alone_and_beside_others(name: str) -> None:
    run = session(MODELS[name](None, 1))
    random = np.random.default_rng(0)
    batch: dict[str, np.ndarray] = {}
    for wanted in run.get_inputs():
        shape = [size if isinstance(size, int) else {"batch": 3, "seq": 5}[size] for size in wanted.shape]
        whole = "int64" in wanted.type
        batch[wanted.name] = random.integers(0, 10, shape) if whole else random.normal(size=shape).astype(np.float32)
    together = run.run(None, batch)[0]
    alone = run.run(None, {n: v[1:2] for n, v in batch.items()})[0]
    assert np.ptp(together) > 0.01
    np.testing.assert_allclose(together[1:2], alone, rtol=1e-3, atol=1e-3)


def test_gpt1_norms_what_its_layers_add() -> None:
    kinds = [n.op_type for n in MODELS["gpt1"](1, None).graph.node]
    assert kinds.count("LayerNormalization") == 2
    assert kinds[-3:] == ["LayerNormalization", "Transpose", "MatMul"]


def test_the_gpt4_like_model_has_the_rumoured_sizes() -> None:
    declared = parameters(MODELS["gpt4-like"](None, None))
    assert declared == pytest.approx(1.8e12, rel=0.03)
    config = sizes.GPT4_LIKE
    unused = config.layers * (config.experts - config.picked) * 2 * config.width * config.inner
    assert declared - unused == pytest.approx(280e9, rel=0.05)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_file_stores_no_large_weight_and_stays_small(name: str, tmp_path: Path) -> None:
    main([name, "--out", str(tmp_path / "model.onnx")])
    model = onnx.load(tmp_path / "model.onnx", load_external_data=False)
    large = [t for t in model.graph.initializer if 4 * np.prod(t.dims) > 1024 and not t.name.startswith("const_")]
    assert all(t.external_data[0].value == STRIPPED for t in large)
    assert (tmp_path / "model.onnx").stat().st_size < 1_000_000


def test_the_number_of_layers_is_an_option() -> None:
    assert len(MODELS["gpt2"](3, None).graph.input) == 3 + 2 * 3


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["gpt3-layer", "--ranks", "7"], "7 ranks do not divide 96 heads"),
        (["gpt3-layer", "--layers", "2"], "written here as one layer, not 2"),
        (["bert-tiny", "--ranks", "2"], "not written for several ranks"),
        (["unet-tiny", "--layers", "2"], "no layers to count"),
        (["decoder-tiny", "--ranks", "0"], "at least 1"),
    ],
)
def test_sizes_that_cannot_be_written_are_a_usage_error(
    words: list[str], why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([*words, "--out", str(tmp_path / "model.onnx")])
    assert why in capsys.readouterr().err
    assert not (tmp_path / "model.onnx").exists()


@pytest.mark.parametrize("config", [LLAMA_LIKE, decoder.TINY])
def test_a_prompt_in_pieces_refuses_what_it_would_leave_out(config: decoder.Decoder) -> None:
    with pytest.raises(ValueError, match="attention in pieces has no rotation"):
        decoder.build_prompt(config)
