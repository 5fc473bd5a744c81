"""What a run of nodes costs, counted as the ops that they become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mapper.frontend.facts import Node, Source
from mapper.frontend.file.order import live_nodes
from mapper.frontend.walk.trace import BodyCost, Trace
from mapper.frontend.walk.walk import Walk
from mapper.ir.op_work import work


def cost_of(walk: Walk, nodes: Sequence[Node], outputs: Sequence[str], loops: Mapping[str, BodyCost]) -> BodyCost:
    """MACs, other arithmetic and bytes of the nodes that the outputs depend on."""
    from mapper.frontend.dims.symbols import Symbols
    from mapper.frontend.lowering.lower import (
        Lowering,  # lowers whole traces, which walks make: a cycle at import time only
    )

    whole = walk.shop.source
    named = [n for name in outputs for n in (walk.sequences.get(name) or (name,))]
    kept = live_nodes(nodes, named)
    made = {out for node in kept for out in node.outputs}
    ends = tuple(name for name in dict.fromkeys(named) if name in made)
    source = Source(whole.name, "", whole.opsets, kept, {}, ends, whole.constants, {})
    trace = Trace(kept, [walk.facts], [], ends, [dict(loops)])
    graph = Lowering(source, trace, Symbols([walk.bound], []), ()).graph()
    total = BodyCost()
    for op in graph.ops:
        part = work(graph, op, {})
        total += BodyCost(part.macs, part.flops - 2 * part.macs, part.bytes())
    return total
