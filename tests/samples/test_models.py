"""The sample builders write graphs that run, and whose KV cache means what it should."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from samples.models import bert, gpt2
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


def test_padding_does_not_change_what_bert_says_of_the_other_tokens() -> None:
    run = session(bert.build(bert.TINY, seed=1)).run
    ids = np.arange(1, 7)[None]
    zeros = np.zeros_like(ids)
    (short,) = run(None, {"input_ids": ids[:, :4], "attention_mask": zeros[:, :4] + 1, "token_type_ids": zeros[:, :4]})
    mask = (ids <= 4).astype(np.int64)
    (padded,) = run(None, {"input_ids": ids, "attention_mask": mask, "token_type_ids": zeros})
    np.testing.assert_allclose(padded[:, :4], short, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("name", "parameters"), [("gpt2", 124_439_808), ("bert-base", 108_891_648)])
def test_the_graphs_declare_the_published_number_of_parameters(name: str, parameters: int) -> None:
    tensors = MODELS[name](None, None).graph.initializer
    assert sum(int(np.prod(t.dims)) for t in tensors if not t.name.startswith("const_")) == parameters


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_file_stores_no_large_weight_and_stays_small(name: str, tmp_path: Path) -> None:
    main([name, "--out", str(tmp_path / "model.onnx")])
    model = onnx.load(tmp_path / "model.onnx", load_external_data=False)
    large = [t for t in model.graph.initializer if 4 * np.prod(t.dims) > 1024]
    assert all(t.external_data[0].value == STRIPPED for t in large)
    assert (tmp_path / "model.onnx").stat().st_size < 120_000


def test_the_number_of_layers_is_an_option() -> None:
    assert len(MODELS["gpt2"](3, None).graph.input) == 3 + 2 * 3
