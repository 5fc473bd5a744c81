"""A runner of another vendor: it follows a manifest with json, numpy and onnxruntime, without a line of mapper.

A device's own runtime runs a step on its `unit`, `moves` on their links, and keeps values where `buffers` has them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

NUMPY = {"float": "float32", "double": "float64"}  # other types have one name in onnx and numpy


def made_up(phase: dict[str, Any], call: int, value: str, fill: str = "zeros", add: int = 0, **_: Any) -> np.ndarray:
    """A value as the manifest says that one is made up; open dims grow evenly from the first call to the last."""
    last = max(1, phase["calls"] - 1)
    sizes = {d["name"]: d["first"] + (d["last"] - d["first"]) * call // last for d in phase["dims"]}
    tensor = next(t for t in phase["values"] if t["name"] == value)
    shape = [sizes.get(d, d) for d in tensor["shape"]]
    places = sizes.get("past", 0) + np.arange(shape[-1] if shape else 1)
    numbers = {"ones": 1, "positions": places, "total": sizes.get("total", 0) + add, "given": sizes.get(value)}
    return np.asarray(np.zeros(shape) + numbers.get(fill, 0), NUMPY.get(tensor["dtype"], tensor["dtype"]))


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("folder", type=Path, help="what `mapper emit` wrote")
parser.add_argument("--inputs", type=Path, help="inputs by PHASE.CALL/NAME; others are made up")
parser.add_argument("--outputs", type=Path, default="results.npz", help="where results go")
args = parser.parse_args()
manifest = json.loads((args.folder / "manifest.json").read_text(encoding="utf-8"))
given = dict(np.load(args.inputs)) if args.inputs else {}
sources = {sink: source for source, sink in manifest.get("handed", [])}  # for models that read results of others
options = ort.SessionOptions()
options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL  # the same bits as the whole model
pieces = {step["piece"] for phase in manifest["phases"] for step in phase["steps"]}
sessions = {piece: ort.InferenceSession(args.folder / piece, options) for piece in pieces}
states, made, results = {}, {}, {}
for phase in manifest["phases"]:
    for call in range(phase["calls"]):
        file, at, values = phase.get("file", ""), f"{phase['name']}.{call}/", {}
        for line in phase["inputs"]:
            brought = given.pop(at + line["value"], made_up(phase, call, **line))
            values[line["value"]] = made.get(sources.get(f"{file}/{line['value']}"), brought)
        past = {s["past"]: s["name"] for s in phase["states"] if s.get("past") in {t["name"] for t in phase["values"]}}
        values |= {p: states[n] if n in states else given.pop(at + p, made_up(phase, call, p)) for p, n in past.items()}
        for step in phase["steps"]:
            feed = {port["name"]: values[port["value"]] for port in step["inputs"]}
            found = sessions[step["piece"]].run([port["name"] for port in step["outputs"]], feed)
            values |= {port["value"]: array for port, array in zip(step["outputs"], found, strict=True)}
        states |= {s["name"]: values[s["present"]] for s in phase["states"] if s.get("present") in values}
        results |= {at + name: values[name] for name in phase["outputs"]}
        made |= {f"{file}/{name}": values[name] for name in phase["outputs"]}
    print(f"{phase['name']}: {phase['calls']} calls of {len(phase['steps'])} steps")
assert not given, f"these are no inputs: {', '.join(given)}"
np.savez(args.outputs, **results)
