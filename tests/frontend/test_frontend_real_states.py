"""Roles and states of real graphs, as a reader of their inputs and outputs would name them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mapper.frontend import load_model, parse_phase

PAIRS: dict[str, tuple[str, list[tuple[str, str]], int]] = {
    "gpt2-decode.dynamo18": ("batch=1 past=16", [("past_key_values.11.value", "present.11.value")], 24),
    "gemma2-tiny-decode.ts17": ("batch=1 total_seq=17", [("past_key_values.3.key", "present.3.key")], 8),
    "genai-llama-tiny-int4-cpu": ("batch=1 seq=16 past=16", [("past_key_values.0.key", "present.0.key")], 4),
    "gpt2-prefill.ts17": ("batch=1 seq=16 total_seq=16", [("", "present.0.key")], 24),
    "whisper-tiny-decoder-prefill.ts17": ("batch=1 seq=4 enc_seq=1500", [("", "present.3.encoder.value")], 16),
    "silero_vad.data_silero_vad_16k_sequence": ("batch=1 seq=16", [("h", "hn"), ("c", "cn")], 2),
    "silero_vad.data_silero_vad": ("batch=1 input.1=576 sr=16000", [("state", "stateN")], 1),
    "arabic_name_romanizer.resources_decoder": ("batch=1 seq=16 enc_seq=9", [("hidden", "hidden_out")], 1),
    "arabic_name_romanizer.resources_encoder": ("batch=1 seq=16", [], 0),
    "t5-small-decoder.ts17": ("batch=1 seq=4 enc_seq=16", [], 0),
    "dit-tiny.dynamo18": ("batch=1", [], 0),
    "onnxwheel.light_densenet121": ("batch=1", [], 0),
}
"""For each file: dims by role where it has roles, some of its states, and how many there are."""


@pytest.mark.parametrize("name", PAIRS)
def test_a_real_graph_is_bound_by_roles_and_has_its_states(models_folder: Path, name: str) -> None:
    sizes, some, count = PAIRS[name]
    graph = load_model(models_folder / f"{name}.onnx", [parse_phase(f"run: {sizes}")]).graph
    assert set(some) <= {(s.past, s.present) for s in graph.states}
    assert len(graph.states) == count
