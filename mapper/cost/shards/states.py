"""How much of a state the ranks of a team keep together, by the way in which they divide the work on it."""

from __future__ import annotations

from mapper.cost.shards.names import JOIN
from mapper.cost.shards.spread import Columns
from mapper.ir.graph import Graph
from mapper.ir.plan import Cluster


def on_all_ranks(graph: Graph, cluster: Cluster, shard: str, ranks: int, elements: int) -> int:
    """Elements of a state on all ranks: once where they divide it, by heads (fewer heads than ranks are repeated),
    requests or tokens; else each rank has all."""
    if ranks == 1:
        return elements
    words = shard.split(JOIN)
    if "head" in words:
        op = next(graph.op[n] for n in cluster.ops if graph.op[n].kind == "attention")
        heads = int(str(op.attr("kv_heads")))
        return elements * ranks * Columns(heads, heads, heads).taken(ranks) // heads
    return elements if "batch" in words or "context" in words else elements * ranks
