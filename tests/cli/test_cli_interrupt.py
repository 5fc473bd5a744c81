"""Ctrl-C during a search keeps the best plan so far; during a table, what is answered so far."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from real_plans import finished

from mapper.ir.serial import to_json
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


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def _wait_for_question(number: int, lines: Iterable[str]) -> None:
    """Until a table says that it is at a question, however long that takes; it says so every two seconds."""
    for line in lines:
        if (at := re.match(r"\s*whatif\s+question (\d+) of", line)) and int(at[1]) >= number:
            return
    pytest.fail(f"the table ended before it said that it is at question {number}")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_ended_table_tells_what_is_answered_and_leaves_no_worker(tmp_path: Path, number: int) -> None:
    (tmp_path / "plan.json").write_text(to_json(finished("gpt2-tiny", "edge-npu")))
    words = [*MAPPER, "whatif", str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        _wait_for_question(5, running.stderr)
        workers = _children(running.pid)
        running.send_signal(number)
        told, _ = running.communicate(timeout=60)
    assert running.returncode == 128 + number
    answered = re.search(r"PARTIAL: stopped with (\d+) of (\d+)", told)
    assert answered is not None, told
    assert 0 < int(answered[1]) < int(answered[2])
    assert len(workers) == 2
    assert not [w for w in workers if Path(f"/proc/{w}").exists()]
