"""Maps GPT-2 (prefill and decode) onto a chip with CPU, GPU, DSAs and RRAM compute-in-memory.

python samples/01_compile.py
python samples/01_compile.py --model gpt2-tiny --target edge-npu --out out/tiny
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import mapper
from mapper.report.limits import largest_costs

BUILD = Path(__file__).parent / "models" / "build.py"


def main() -> None:
    """Builds the graph, compiles it and says how fast it is, where things went and what limits it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=["gpt2", "gpt2-tiny"], default="gpt2")
    parser.add_argument("--target", default="superhet")
    parser.add_argument("--past", type=int, help="tokens in the prompt; by default half of what the model can hold")
    parser.add_argument("--effort", default="default")
    parser.add_argument("--out", type=Path, help="a folder for plan.json, summary.json and trace.json")
    options = parser.parse_args()
    past = options.past or (512 if options.model == "gpt2" else 32)
    new = past // 4
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{options.model}.onnx"
        subprocess.run([sys.executable, BUILD, options.model, "--out", file], check=True)
        phases = [f"prefill: batch=1 seq={past} past=0", f"decode: batch=1 seq=1 past={past}..{past + new - 1}"]
        made = mapper.compile(file, options.target, phases, effort=options.effort)
    s = made.summary
    print(f"{s['model']} on {s['target']}: a request is a prompt of {past} tokens and {new} new ones")
    print(f"  {s['throughput_per_s']:.4g} requests/s, at most {s['bound']:.4g} are possible (gap {s['gap']:.1%})")
    for name, phase in s["phases"].items():
        print(f"  {name}: {phase['calls']} x {phase['latency_s'] * 1e3:.3f} ms when alone")
    print("where things went")
    for name, unit in made.units.items():
        print(
            f"  {name:8} {unit['kind']:16} busy {unit['utilisation']:6.1%}, weights {unit['weight_bytes'] / 1e6:.1f} MB"
        )
    print("what limits it")
    for cause in largest_costs(made.verdict):
        print(f"  {cause.part:6.1%} {cause.what}")
    if options.out:
        print(f"written to {made.save(options.out)}")


if __name__ == "__main__":
    main()
