"""Runs of the `mapper` command in this process, and tiny models to run it on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cli_words import GREEDY, PHASES, QUICK

from mapper.cli.main import main
from samples.models.build import MODELS


@dataclass(frozen=True)
class Ran:
    """How one run of the command ended."""

    code: int
    out: str
    err: str


Mapper = Callable[..., Ran]


@pytest.fixture
def mapper(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Mapper:
    """Call it with the words of a command line; it runs in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> Ran:
        capsys.readouterr()
        code = main([str(w) for w in words])
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return run


@pytest.fixture(scope="session")
def gpt2_tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GPT-2 of two small blocks, with a KV cache."""
    return _written(tmp_path_factory, "gpt2-tiny")


@pytest.fixture(scope="session")
def bert_tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two small blocks."""
    return _written(tmp_path_factory, "bert-tiny")


@pytest.fixture(scope="session")
def compiled(gpt2_tiny: Path) -> Path:
    """The folder that a compilation of gpt2-tiny wrote; tests only read it."""
    out = gpt2_tiny.parent / "compiled"
    assert main(["compile", str(gpt2_tiny), *QUICK, *GREEDY, *PHASES, "--out", str(out), "--quiet"]) == 0
    return out


def _written(folders: pytest.TempPathFactory, name: str) -> Path:
    path = folders.mktemp("models") / f"{name}.onnx"
    path.write_bytes(MODELS[name](None, None).SerializeToString())
    return path
