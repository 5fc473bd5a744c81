"""Words of command lines that several tests share."""

from passes.pipelines import FINISH, PREPARE

PHASES = ["--phase", "prefill: batch=1 seq=16 past=0", "--phase", "decode: batch=1 seq=1 past=16..23"]
QUICK = ["--target", "edge-npu", "--effort", "quick"]
PLACE = "bounds,place-greedy"
"""Places in no time, with a bound."""
GREEDY = ["--pipeline", f"{PREPARE},{PLACE},{FINISH}"]
