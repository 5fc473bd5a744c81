"""Problems for the placement tests: tiny random ones, and layers of a transformer on a made-up chip."""

from __future__ import annotations

import random

from mapper.solve.placement.problem import Item, Net, Option, Problem, Resident, Transfer


def tiny(seed: int, *, items: int = 5, options: int = 4) -> Problem:
    """A random problem that brute force can finish: shared residents, multicast, ties, missing routes, two phases, and
    (in two of three) options that read elsewhere than they leave their results."""
    r = random.Random(seed)
    apart = random.Random(seed + 1)
    n_places, n_machines, n_links, n_private = r.randint(1, 3), r.randint(1, 3), r.randint(0, 2), r.randint(0, 2)
    n_memories, n_residents = r.randint(1, 2), r.randint(0, 4)
    phases = r.randint(1, 2)
    n_items = r.randint(1, items)
    resources = n_machines + n_links + n_private
    residents = tuple(Resident(f"k{k}", r.randrange(n_memories), r.choice((0, 3, 5, 8))) for k in range(n_residents))

    def load(many: int) -> tuple[tuple[int, int], ...]:
        return tuple((r.randrange(resources), r.randint(0, 9)) for _ in range(r.randint(0, many)))

    def option(i: int, o: int) -> Option:
        machine = r.randrange(-1, n_machines)
        ticks = r.randint(0, 9)
        own = ((machine, ticks),) if machine >= 0 else ()
        needs = tuple(r.sample(range(n_residents), r.randint(0, min(2, n_residents))))
        takes = apart.randrange(n_places) if seed % 3 and apart.random() < 0.4 else -1
        return Option(f"o{o}", r.randrange(n_places), ticks, machine, own + load(2), r.randint(0, 20), needs, takes)

    made: list[Item] = []
    for i in range(n_items):
        earlier = [m for m in made if m.phase == 0]
        if earlier and r.random() < 0.3:
            twin = r.choice(earlier)
            made.append(Item(f"i{i}", twin.repeat, twin.phase, twin.options))
        else:
            rows = tuple(option(i, o) for o in range(r.randint(1, options)))
            made.append(Item(f"i{i}", f"r{r.randint(0, 2)}", r.randrange(phases), rows))
    sizes = r.randint(1, 2)
    transfers = []
    for _ in range(sizes):
        table = {
            (a, b): Transfer(
                r.randint(0, 6),
                tuple((n_machines + r.randrange(n_links), r.randint(0, 6)) for _ in range(r.randint(0, 2)) if n_links),
                r.randint(0, 9),
            )
            for a in range(n_places)
            for b in range(n_places)
            if a != b and r.random() < 0.9
        }
        transfers.append(table)
    nets = []
    for _ in range(r.randint(0, 6)):
        phase = r.randrange(phases)
        inside = [i for i, item in enumerate(made) if item.phase == phase]
        if not inside:
            continue
        source = r.choice([-1, *inside])
        later = [i for i in inside if i > source]
        sinks = tuple(sorted(r.sample(later, r.randint(0, min(3, len(later))))))
        ends = tuple(sorted(r.sample(range(n_places), r.randint(0, 1))))
        origin = r.randrange(n_places) if source < 0 else -1
        nets.append(Net(source, sinks, r.randrange(sizes), phase, origin, ends))
    ties = (tuple(r.sample(range(n_items), 2)),) if n_items > 1 and r.random() < 0.4 else ()
    return Problem(
        tuple(made),
        tuple(nets),
        tuple(transfers),
        residents,
        tuple(f"res{x}" for x in range(resources)),
        tuple(f"mem{m}" for m in range(n_memories)),
        tuple(r.choice((8, 12, 20)) for _ in range(n_memories)),
        tuple(f"p{p}" for p in range(n_places)),
        tuple(r.randint(1, 3) for _ in range(phases)),
        ties,
        r.choice((0.0, 1.5)),
    )


UNITS = (
    # kind, die, speed (operations per tick), energy per operation
    ("cpu", 0, 2.0, 9.0),
    ("gpu", 1, 40.0, 3.0),
    ("dsa", 2, 16.0, 1.6),
    ("dsa", 3, 16.0, 1.6),
    ("cim", 4, 24.0, 0.4),
    ("cim", 5, 24.0, 0.4),
    ("cim", 6, 24.0, 0.4),
    ("vec", 7, 6.0, 1.2),
)
CLUSTERS = (
    # name, operations, weight bytes, reads from the cluster so many before; the block's input is 0
    ("norm1", 2_000, 1_000, (0,)),
    ("qkv", 90_000, 1_800_000, (1,)),
    ("attention", 30_000, 0, (1,)),
    ("proj", 30_000, 600_000, (1,)),
    ("norm2", 2_000, 1_000, (1,)),
    ("up", 120_000, 2_400_000, (1,)),
    ("down", 120_000, 2_400_000, (1, 3)),
    ("gate", 60_000, 1_200_000, (2,)),
)


def transformer(
    layers: int,
    clusters: int,
    *,
    phases: int = 1,
    identical: bool = False,
    array_bytes: int = 9_000_000,
    replicas: tuple[int, ...] = (1, 2, 4),
) -> Problem:
    """Layers of equal clusters on a made-up chip: a unit per die on a ring, a DRAM behind die 0, weights resident in
    compute-in-memory arrays (several copies run faster) or streamed. identical: 8 equal arrays and a gpu."""
    units = (UNITS[1], *(("cim", d, 24.0, 0.4) for d in range(2, 10))) if identical else UNITS
    dies = sorted({u[1] for u in units})
    place = {d: p for p, d in enumerate(dies)}
    n = len(dies)
    resources = [f"unit{u}" for u in range(len(units))] + [f"link{p}" for p in range(2 * n)] + ["dram"]
    dram = len(resources) - 1
    residents: list[Resident] = []
    memories = [f"array{u}" for u, unit in enumerate(units) if unit[0] == "cim"] + ["state"]
    array = {u: m for m, u in enumerate(u for u, unit in enumerate(units) if unit[0] == "cim")}
    states = [Resident(f"state{la}@{p}", len(memories) - 1, 5_000) for la in range(layers) for p in range(n)]
    residents.extend(states)
    names = (
        [("embed", 4_000, 50_000)]
        + [(f"{c[0]}", c[1], c[2]) for _ in range(layers) for c in CLUSTERS[:clusters]]
        + [("head", 150_000, 30_000_000)]
    )
    own: dict[tuple[int, int, int], tuple[int, int]] = {}
    for k, (name, _, weights) in enumerate(names):
        for u, unit in enumerate(units):
            if unit[0] == "cim" and 1_000 < weights < array_bytes:
                for copies in replicas:
                    residents.append(Resident(f"{name}{k}@{u}x{copies}", array[u], weights * copies))
                    resources.append(f"{name}{k}@{u}x{copies}")
                    own[k, u, copies] = (len(resources) - 1, len(residents) - 1)
    calls = (1, 64)[:phases] if phases > 1 else (1,)
    items: list[Item] = []
    nets: list[Net] = []
    ties: list[tuple[int, ...]] = []
    per_phase: list[list[int]] = []
    for phase, many in enumerate(calls):
        tokens = 64 if many == 1 else 1
        mine: list[int] = []
        for k, (name, operations, weights) in enumerate(names):
            layer = (k - 1) // clusters if 0 < k <= layers * clusters else -1
            options = []
            for u, (kind, die, speed, energy) in enumerate(units):
                p = place[die]
                needs = (layer * n + p,) if name == "attention" else ()
                if kind == "cim":
                    for copies in replicas:
                        if (k, u, copies) in own:
                            engine, weight = own[k, u, copies]
                            ticks = max(1, int(operations * tokens / speed / copies / 40))
                            loads = ((engine, ticks * many),)
                            cost = int(operations * tokens * energy * many / 100)
                            options.append(Option(f"{name}@{u}x{copies}", p, ticks, -1, loads, cost, (weight, *needs)))
                    if weights > 1_000:
                        continue
                    speed = 4.0
                compute = int(operations * tokens / speed / 40)
                stream = weights // 2_000
                ticks = max(1, compute, stream)
                loads = ((u, ticks * many), *(((dram, stream * many),) if stream else ()))
                cost = int((operations * tokens * energy / 100 + weights / 10) * many)
                options.append(Option(f"{name}@{u}", p, ticks, u, loads, cost, needs))
            mine.append(len(items))
            items.append(Item(f"{name}{layer}/{phase}", name, phase, tuple(options)))
        nets.extend(_block_nets(mine, layers, clusters, phase))
        per_phase.append(mine)
    for k, (name, _, _) in enumerate(names):
        if name == "attention" and phases > 1:
            ties.append(tuple(mine[k] for mine in per_phase))
    transfers = [
        _ring(n, len(units), amount * many) for many in calls for amount in (64 * 300 // many if many == 1 else 300,)
    ]
    return Problem(
        tuple(items),
        tuple(nets),
        tuple(transfers),
        tuple(residents),
        tuple(resources),
        tuple(memories),
        (*(array_bytes for _ in array), 10**9),
        tuple(f"die{d}" for d in dies),
        calls,
        tuple(ties),
        200.0,
    )


def _block_nets(items: list[int], layers: int, clusters: int, phase: int) -> list[Net]:
    sinks: dict[int, list[int]] = {}
    for layer in range(layers):
        for c in range(clusters):
            k = 1 + layer * clusters + c
            if c == 0:
                sinks.setdefault(k - 1, []).append(items[k])
                if clusters > 3:
                    sinks.setdefault(k - 1, []).append(items[k + 3])
                continue
            for back in CLUSTERS[c][3]:
                sinks.setdefault(k - back, []).append(items[k])
    sinks.setdefault(len(items) - 2, []).append(items[-1])
    nets = [Net(-1, (items[0],), phase, phase, 0)]
    nets += [Net(items[k], tuple(sorted(set(to))), phase, phase) for k, to in sorted(sinks.items())]
    nets.append(Net(items[-1], (), phase, phase, -1, (0,)))
    return nets


def _ring(n: int, first_link: int, amount: int) -> dict[tuple[int, int], Transfer]:
    """Both ways around a ring of n places: link p leads from p to p + 1, link n + p back."""
    found = {}
    for a in range(n):
        for b in range(n):
            if a == b:
                continue
            right, left = (b - a) % n, (a - b) % n
            if right <= left:
                links = [first_link + (a + h) % n for h in range(right)]
            else:
                links = [first_link + n + (a - h - 1) % n for h in range(left)]
            ticks = max(1, amount // 16)
            found[a, b] = Transfer(
                max(1, ticks // 8) + 2 * len(links), tuple((x, ticks) for x in links), amount * len(links)
            )
    return found
