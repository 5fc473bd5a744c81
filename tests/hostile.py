"""A finished plan whose names are hostile input: markup, scripts, line separators and marks that turn text around."""

from __future__ import annotations

import json
import re
from functools import cache

from real_plans import finished

from mapper.ir.plan import Plan
from mapper.ir.serial import from_json, to_json

IMAGE = "<img src=x onerror=alert(1)>"
SCRIPT = "</script><script>alert(2)</script>"
COMMENT = "<!--<script>"
LINES = "a\u2028b\u2029c"
TURNED = "\u202egnp.exe\u2066"
QUOTES = "'\"`${alert(3)}&lt;b&gt;"
EVIL = (IMAGE, SCRIPT, COMMENT, LINES, TURNED, QUOTES)


@cache
def hostile_plan() -> Plan:
    """A plan of the tiny GPT-2 on the heterogeneous chip in which the first attention, the units, their kinds, the
    phases, the target, the model and each reason of a refusal have hostile names, the same wherever they stand."""
    plan = finished("gpt2-tiny", "superhet")
    attention = next(c.name for c in plan.clusters or () if any(plan.graph.op[o].kind == "attention" for o in c.ops))
    names = {
        attention: attention + SCRIPT,
        "prefill": "prefill" + LINES,
        "gpu0": "gpu0" + IMAGE,
        "dsa1": "dsa1" + TURNED,
        "systolic-128x128": "systolic" + QUOTES,
        "superhet": "superhet" + COMMENT,
    }
    text = to_json(plan)
    for name, evil in names.items():
        pieces = re.split(re.escape(_inside(name)) + r'(?!"\s*:)', text)  # a key stays as it is
        text = _inside(evil).join(pieces)
    for reason in sorted({r.reason for r in plan.refusals or ()}):
        text = text.replace(json.dumps(reason), json.dumps(reason + IMAGE))
    found = from_json(text)
    assert attention + SCRIPT in found.cluster
    return found


def _inside(text: str) -> str:
    """As it stands inside a string of JSON."""
    return json.dumps(text)[1:-1]
