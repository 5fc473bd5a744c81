"""A phase of a request starts from the cache that the one before it leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from mapper.errors import ModelError
from mapper.frontend import Together, load_models, parse_phase
from samples.models.build import MODELS


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "gpt2.onnx"
    path.write_bytes(MODELS["gpt2-tiny"](None, None).SerializeToString())
    return path


def load(path: Path, *phases: str) -> list[str]:
    found = load_models([path], [parse_phase(p) for p in phases], Together())
    return [p.name for p in found.phases]


PROMPT = "prefill: batch=1 seq=16 past=0"


@pytest.mark.parametrize(
    "decode",
    [
        "batch=1 seq=1 past=16..23",
        "batch=1 seq=1 past=16 calls=8",
        "batch=1 seq=1 past=20 calls=8",  # in the middle of its calls
        "batch=1 seq=1 past=16..23 calls=20",
        "batch=4 seq=1 past=16..23",  # four requests decode together
        "batch=1 seq=1 past=0",  # a request of its own
    ],
)
def test_a_decode_goes_on_where_the_prompt_ends(gpt2: Path, decode: str) -> None:
    assert load(gpt2, PROMPT, f"decode: {decode}") == ["prefill", "decode"]


@pytest.mark.parametrize("past", ["8", "8..15", "0..7", "17", "40..47", "25 calls=8"])
def test_a_decode_elsewhere_is_refused_with_both_lengths(gpt2: Path, past: str) -> None:
    start = past.partition(".")[0].partition(" ")[0]
    with pytest.raises(ModelError) as error:
        load(gpt2, PROMPT, f"decode: batch=1 seq=1 past={past}")
    assert f"'decode' starts from a past of {start} tokens, but 'prefill' before it leaves 16" in str(error.value)
    assert 'start "decode" from past=16' in str(error.value)


def test_chunks_of_a_prompt_may_stand_at_any_of_their_lengths(gpt2: Path) -> None:
    assert load(gpt2, "chunk: batch=1 seq=16 past=24 calls=4", "decode: batch=1 seq=1 past=64..71")
    with pytest.raises(ModelError, match="leaves 40 to 88"):
        load(gpt2, "chunk: batch=1 seq=16 past=24 calls=4", "decode: batch=1 seq=1 past=20")


def test_phases_of_as_many_new_tokens_are_requests_of_their_own(gpt2: Path) -> None:
    assert load(gpt2, "short: batch=1 seq=1 past=8..15", "long: batch=1 seq=1 past=32..39")
