"""Words of command lines that several tests share."""

PHASES = ["--phase", "prefill: batch=1 seq=16 past=0", "--phase", "decode: batch=1 seq=1 past=16..23"]
QUICK = ["--target", "edge-npu", "--effort", "quick"]
