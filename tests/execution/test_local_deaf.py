"""Local jobs do not hear Ctrl-C, from their first moment on."""

from __future__ import annotations

import subprocess
import sys

import pytest

START = """
import multiprocessing
from mapper.execution.local import deaf

look = "import signal, sys; sys.exit(signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, []))"
if __name__ == "__main__":
    process = multiprocessing.get_context("forkserver").Process(target=exec, args=(look,))
    with deaf():
        process.start()
    process.join()
    print("deaf" if process.exitcode == 0 else "hears")
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there are no signal masks")
def test_the_first_process_of_a_fresh_interpreter_does_not_hear_ctrl_c() -> None:
    done = subprocess.run([sys.executable, "-c", START], text=True, capture_output=True)
    assert done.stdout == "deaf\n", done.stderr
