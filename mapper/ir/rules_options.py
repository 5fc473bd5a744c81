"""Rules of the choices: clusters cover the graph, options and tasks cover the clusters."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from mapper.errors import did_you_mean
from mapper.ir.plan import Option, Plan
from mapper.ir.rule import amount, doubles, misnamed, rules


def clusters_names(plan: Plan) -> Iterator[str]:
    """Clusters have names of their own."""
    yield from misnamed("cluster", [c.name for c in plan.clusters or ()])


def clusters_cover(plan: Plan) -> Iterator[str]:
    """Every op is in exactly one cluster, and no cluster is empty."""
    owner: dict[str, str] = {}
    for cluster in plan.clusters or ():
        if not cluster.ops:
            yield f"cluster '{cluster.name}' has no ops"
        for op in cluster.ops:
            if op not in plan.graph.op:
                yield f"cluster '{cluster.name}' has op '{op}', which is none; {did_you_mean(op, plan.graph.op)}"
            if op in owner:
                yield f"op '{op}' is in clusters '{owner[op]}' and '{cluster.name}'"
            owner[op] = cluster.name
    for op in plan.graph.op:
        if op not in owner:
            yield f"op '{op}' is in no cluster"


def clusters_order(plan: Plan) -> Iterator[str]:
    """Ops stand in a cluster as in the graph, and each cluster after all that it reads from."""
    position = {op.name: i for i, op in enumerate(plan.graph.ops)}
    rank = {op: i for i, cluster in enumerate(plan.clusters or ()) for op in cluster.ops}
    for i, cluster in enumerate(plan.clusters or ()):
        places = [position[op] for op in cluster.ops]
        if places != sorted(places):
            yield f"cluster '{cluster.name}' lists its ops against the order of the graph: {', '.join(cluster.ops)}"
        for op in cluster.ops:
            for name in plan.graph.op[op].inputs:
                maker = plan.graph.producer.get(name)
                if maker and rank[maker.name] > i:
                    later = (plan.clusters or ())[rank[maker.name]].name
                    yield f"cluster '{cluster.name}' reads '{name}' of cluster '{later}', which comes later"


def clusters_alike(plan: Plan) -> Iterator[str]:
    """Clusters of one repeat class have the same kinds of ops in the same order."""
    first: dict[str, tuple[str, tuple[str, ...]]] = {}
    for cluster in plan.clusters or ():
        kinds = tuple(plan.graph.op[op].kind for op in cluster.ops)
        like, expected = first.setdefault(cluster.repeat, (cluster.name, kinds))
        if kinds != expected:
            yield f"clusters '{like}' and '{cluster.name}' are called equal, but hold {expected} and {kinds}"


def options_classes(plan: Plan) -> Iterator[str]:
    """Every repeat class has an option in every phase that runs it, and every option belongs to one."""
    classes = {c.repeat: c for c in plan.clusters or ()}
    for repeat in sorted(classes):
        for phase in plan.phase:
            if plan.runs(classes[repeat], phase) and not any(o.serves(phase) for o in plan.options_of.get(repeat, ())):
                yield f"no unit is offered for repeat class '{repeat}' in phase '{phase}'"
    for repeat in sorted(plan.options_of.keys() - classes.keys()):
        yield f"an option is for repeat class '{repeat}'; {did_you_mean(repeat, classes)}"


def options_units(plan: Plan) -> Iterator[str]:
    """An option is for units that exist, and takes weights from an entry of their weights memories or from none."""
    units = plan.target.unit
    for option in plan.options or ():
        if not option.units:
            yield f"an option for '{option.repeat}' names no unit"
        for name in option.units:
            if name not in units:
                yield f"an option for '{option.repeat}' is for unit '{name}'; {did_you_mean(name, units)}"
            elif not -1 <= option.source < len(units[name].weights):
                yield (
                    f"an option for '{option.repeat}' on '{name}' takes weights from source {option.source}, "
                    f"the unit has {len(units[name].weights)}"
                )


def options_unique(plan: Plan) -> Iterator[str]:
    """A unit, a source of weights, a number of copies and a way to divide the work name one option of a class."""
    keys = [
        f"{o.repeat} on {unit} from source {o.source} x{o.replicas}" + (f" by {o.shard}" if o.shard else "")
        for o in plan.options or ()
        for unit in o.units
    ]
    for key in doubles(keys):
        yield f"two options are the same: {key}"


def options_replicas(plan: Plan) -> Iterator[str]:
    """An option has at least one copy of the weights; for one with more, the same with a single copy is listed."""
    single = {(o.repeat, o.units, o.source, o.shard) for o in plan.options or () if o.replicas == 1}
    for option in plan.options or ():
        if option.replicas < 1:
            yield f"{_named(option)} has {option.replicas} copies of its weights"
        if (option.repeat, option.units, option.source, option.shard) not in single:
            yield f"{_named(option)} has {option.replicas} copies, but no option has one"


def options_tiles(plan: Plan) -> Iterator[str]:
    """An option that needs tiles needs two or more, in phases that it serves, each named once."""
    for option in plan.options or ():
        names = [name for name, _ in option.tiles]
        for name in (*doubles(names), *(n for n in names if not option.serves(n))):
            yield f"{_named(option)} needs tiles in phase '{name}', which it names twice or does not serve"
        for name, tiles in option.tiles:
            if tiles < 2:
                yield f"{_named(option)} needs {tiles} tiles in phase '{name}'"


def options_figures(plan: Plan) -> Iterator[str]:
    """An option has a cost for each phase that it serves, a type for each op, and no negative figure."""
    phases = tuple(p.name for p in plan.phases)
    lengths = {c.repeat: len(c.ops) for c in plan.clusters or ()}
    for option in plan.options or ():
        names = tuple(name for name, _ in option.costs)
        if not names or names != tuple(p for p in phases if p in names):
            yield f"{_named(option)} has costs for {', '.join(names) or 'no phase'}; the phases are {', '.join(phases)}"
        if len(option.types) != lengths[option.repeat]:
            yield f"{_named(option)} has {len(option.types)} types for {lengths[option.repeat]} ops"
        if option.footprint_bytes < 0:
            yield f"{_named(option)} takes {option.footprint_bytes} bytes of weights"
        for name, cost in option.costs:
            figures = (cost.ticks, cost.data_bytes, cost.weight_bytes, cost.share, cost.band)
            if not all(map(amount, (*figures, *(pj for _, pj in cost.energy_pj)))):
                yield f"{_named(option)} has a negative cost in phase '{name}': {cost}"


def _named(option: Option) -> str:
    return f"the option for '{option.repeat}' on {', '.join(option.units)}"


def refusals(plan: Plan) -> Iterator[str]:
    """A refusal is of a kind of unit that exists, for a class and one of its ops, in a phase or in all."""
    ops = {c.repeat: c.ops for c in reversed(plan.clusters or ())}
    kinds = {u.kind for u in plan.target.units}
    for refusal in plan.refusals or ():
        if refusal.repeat not in ops:
            yield f"a refusal is for repeat class '{refusal.repeat}'; {did_you_mean(refusal.repeat, ops)}"
        elif refusal.op not in ops[refusal.repeat]:
            hint = did_you_mean(refusal.op, ops[refusal.repeat])
            yield f"a refusal for '{refusal.repeat}' is of op '{refusal.op}'; {hint}"
        if refusal.phase and refusal.phase not in plan.phase:
            yield f"a refusal is in phase '{refusal.phase}'; {did_you_mean(refusal.phase, plan.phase)}"
        if refusal.unit_kind not in kinds:
            yield f"a refusal is by a unit of kind '{refusal.unit_kind}'; {did_you_mean(refusal.unit_kind, kinds)}"


def tasks_names(plan: Plan) -> Iterator[str]:
    """Tasks have names of their own."""
    yield from misnamed("task", [t.name for t in plan.tasks or ()])


def tasks_complete(plan: Plan) -> Iterator[str]:
    """Each cluster is one whole task in each phase that runs it, in the order of the clusters."""
    for task in plan.tasks or ():
        if task.cluster not in plan.cluster:
            yield f"task '{task.name}' is of cluster '{task.cluster}'; {did_you_mean(task.cluster, plan.cluster)}"
        if task.phase not in plan.phase:
            yield f"task '{task.name}' is of phase '{task.phase}'; {did_you_mean(task.phase, plan.phase)}"
        if task.shard:
            yield f"task '{task.name}' is a shard {task.shard}; shards have no price yet"
    for phase in plan.phases:
        expected = [c.name for c in plan.clusters or () if plan.runs(c, phase.name)]
        found = [t.cluster for t in plan.tasks or () if t.phase == phase.name]
        for i, (seen, wanted) in enumerate(zip_longest(found, expected, fillvalue="nothing")):
            if seen != wanted:
                counts = f"{len(found)} tasks for {len(expected)} clusters"
                yield f"phase '{phase.name}' has {counts}; task {i} is of '{seen}', not '{wanted}'"


def blocks_alike(plan: Plan) -> Iterator[str]:
    """A block repeats: its instances are of as many clusters each, of the same classes in order, each in one block."""
    cluster = plan.cluster
    for block in plan.blocks or ():
        if len(block.instances) < 2 or not block.instances[0]:
            yield f"block '{block.name}' has {len(block.instances)} instances, the first of {block.instances[:1]}"
        for name in (n for instance in block.instances for n in instance if n not in cluster):
            yield f"block '{block.name}' has cluster '{name}', which is none; {did_you_mean(name, cluster)}"
            return
        classes = {tuple(cluster[n].repeat for n in instance) for instance in block.instances}
        if len(classes) > 1:
            yield f"the instances of block '{block.name}' differ in their classes: {sorted(classes)[:2]}"
    for name in doubles(n for block in plan.blocks or () for instance in block.instances for n in instance):
        yield f"cluster '{name}' is in two blocks, or twice in one"


RULES = (
    *rules(clusters_names, clusters_cover, clusters_order, clusters_alike, needs=("clusters",)),
    *rules(blocks_alike, needs=("clusters", "blocks")),
    *rules(
        options_classes,
        options_units,
        options_unique,
        options_replicas,
        options_tiles,
        options_figures,
        needs=("clusters", "options"),
    ),
    *rules(refusals, needs=("clusters", "refusals")),
    *rules(tasks_names, tasks_complete, needs=("clusters", "tasks")),
)
