"""A command in a group of processes, all of which end as soon as standard input does: whoever asked for it is gone.

Run as a script, in a session of its own: python -I -S keeper.py COMMAND... It ends as the command does; 127: there is
none. So it is no matter how an executor ends the process that asked: the pipe closes, and nothing is left behind.
"""

import os
import signal
import subprocess
import sys
import threading

NO_COMMAND = 127


def main(command: list[str]) -> int:
    """Run it, and return its exit code."""
    try:
        running = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    except OSError as error:
        sys.stderr.write(f"cannot run '{command[0]}': {error.strerror}\n")
        return NO_COMMAND
    threading.Thread(target=_end_with_input, daemon=True).start()
    code = running.wait()
    return code if code >= 0 else 128 - code


def _end_with_input() -> None:
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
