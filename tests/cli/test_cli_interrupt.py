"""Ctrl-C during the search keeps the best plan so far."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from samples.models.build import MODELS

MAPPER = [sys.executable, "-c", "import sys; from mapper.cli import main; sys.exit(main())"]


@pytest.mark.slow
def test_an_interrupted_search_keeps_the_best_plan_and_says_so(tmp_path: Path) -> None:
    model, out = tmp_path / "gpt2.onnx", tmp_path / "out"
    model.write_bytes(MODELS["gpt2"](None, None).SerializeToString())
    phases = ["--phase", "prefill: batch=1 seq=512 past=0", "--phase", "decode: batch=1 seq=1 past=512..639"]
    words = ["compile", str(model), "--target", "superhet", *phases, "--effort", "max", "--out", str(out)]
    with subprocess.Popen([*MAPPER, *words], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        for line in running.stderr:
            if line.split()[:1] == ["cost"]:
                break
        time.sleep(8)
        running.send_signal(signal.SIGINT)
        stdout, stderr = running.communicate(timeout=300)
    assert running.returncode == 0, stderr
    assert "keeping the best plan so far" in stderr
    assert "interrupted: best so far" in stdout
    assert json.loads((out / "summary.json").read_text())["status"] == "interrupted"
    checked = subprocess.run([*MAPPER, "check", str(out)], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
