"""What should change in the chip? Doubles figures one at a time, each with a bound, and says why the best one helps.

python samples/05_ask_what_if.py
python samples/05_ask_what_if.py --model gpt2 --change "gpu0.clock*=2" --change "dsa*.clock*=2"
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import mapper
from mapper.report.diff.words import sentence

BUILD = Path(__file__).parent / "models" / "build.py"
CHANGES = ("gpu0.clock*=2", "dsa*.clock*=2", "cim*.read_time_s/=2", "hbm.bandwidth*=2", "d2d.*.bandwidth*=2")


def main() -> None:
    """Compiles, asks, and takes the difference to the best answer apart."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=["gpt2", "gpt2-tiny"], default="gpt2-tiny")
    parser.add_argument("--target", default="superhet")
    parser.add_argument("--change", action="append", metavar="NAME*=NUMBER", help="repeatable; default: five changes")
    parser.add_argument("--effort", default="quick")
    options = parser.parse_args()
    past = 512 if options.model == "gpt2" else 32
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{options.model}.onnx"
        subprocess.run([sys.executable, BUILD, options.model, "--out", file], check=True)
        phases = [f"prefill: batch=1 seq={past} past=0", f"decode: batch=1 seq=1 past={past}..{past + past // 4 - 1}"]
        made = mapper.compile(file, options.target, phases, effort=options.effort)
    ask = mapper.Asker(made.plan)
    print(f"{made.plan.graph.name} on {made.plan.target.name}: {ask.before.throughput_per_s:.4g} requests/s")
    answers = [ask.answer([mapper.parse_change(text)]) for text in options.change or CHANGES]
    for answer in answers:
        if answer.after is None:
            print(f"  {answer.changes[0]!s:<28} {answer.refusal}")
            continue
        gap = f"{answer.gap:.1%}" if answer.gap is not None else "unknown"
        print(f"  {answer.changes[0]!s:<28} {answer.gain:+8.1%}, nothing on that chip is more than {gap} better")
    best = max(answers, key=lambda a: a.gain)
    if best.plan is not None:
        found = mapper.difference(made.verdict, mapper.Compiled(best.plan).verdict)
        print(f"{best.changes[0]}: {sentence(found.objective)}")


if __name__ == "__main__":
    main()
