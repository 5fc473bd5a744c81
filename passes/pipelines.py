"""Pipelines with names: texts that `mapper compile --pipeline NAME` stands for."""

GRAPH = (
    "simplify,fuse-quantized,fuse-experts,fuse-norm,fuse-softmax,fuse-activation,fuse-bias,fuse-rope,fuse-attention,"
    "simplify"
)
"""What turns an exporter's spelling into the ops that hardware runs."""

UNDERSTAND = f"{GRAPH},partition-ops"
"""What `mapper inspect` runs: it needs no target."""

PREPARE = f"{GRAPH},partition,options"
FINISH = "schedule,memory,judge"

DEFAULT = f"{PREPARE},place-teams,{FINISH}"
ONE_UNIT = f"{PREPARE},place-one-unit,{FINISH}"
ROUND_ROBIN = f"{PREPARE},place-round-robin,{FINISH}"
GREEDY = f"{PREPARE},place-greedy,{FINISH}"
HEFT = f"{PREPARE},place-heft,{FINISH}"
STAGES = f"{PREPARE},place-stages,{FINISH}"
BY_PHASE = f"{PREPARE},place-by-phase,{FINISH}"
