"""Tiny streaming problems for the tests: two cores, a bus, a memory outside."""

from __future__ import annotations

import random

from mapper.solve.streaming import Group, Line, Loop, Node, Problem, Role, Store, Value, Way

CORE, OTHER, BUS, OUTSIDE = range(4)
LINES = (Line("core 0"), Line("core 1"), Line("bus"), Line("outside"))
READ = ((BUS, 2), (OUTSIDE, 4))
SAVE = ((BUS, 2), (OUTSIDE, 4))


def stores(capacity: int = 100) -> tuple[Store, ...]:
    return (Store("memory 0", capacity), Store("memory 1", capacity))


def layer_group(name: str, rounds: int = 2, cycles: int = 3, core: int = CORE, drain: int = 0) -> Group:
    """A read, a layer on one core, a save; a tile of 10 bits each."""
    return Group(
        name,
        (
            Node("in", Role.READ, rounds, READ, target=((core, 10),)),
            Node("layer", Role.COMPUTE, rounds, ((core, cycles),), (0,)),
            Node("out", Role.SAVE, rounds, SAVE, (1,), source=((core, 10),)),
        ),
        drain,
    )


def one_layer(rounds: int = 2, capacity: int = 100, drain: int = 0) -> Problem:
    return Problem(LINES, stores(capacity), (layer_group("a", rounds, drain=drain),), ())


def two_layers(capacity: int = 100) -> Problem:
    """A layer on each core; the value between them is kept, put with its reader, parked or sent outside."""
    inside = ((BUS, 2),)
    ways = (
        Way("pushed", inside, ((),), ((1, 20),), placed=True),
        Way("kept", None, (inside,)),
        Way("parked", inside, (inside,), ((0, 20),)),
        Way("away", SAVE, (READ,)),
    )
    groups = (layer_group("a"), layer_group("b", core=OTHER))
    return Problem(LINES, stores(capacity), groups, (Value("v", (0, 2), ((1, 0),), ways),))


def any_problem(seed: int) -> Problem:
    """A chain of up to three groups of up to two layers with random numbers, windows and ways."""
    random_ = random.Random(seed)
    groups: list[Group] = []
    values: list[Value] = []
    for g in range(random_.randint(1, 3)):
        rounds = random_.choice([1, 2, 4])
        core = random_.randrange(2)
        window = random_.choice([(), (Loop(rounds, False),), (Loop(rounds, True),)])
        out = random_.choice([(), (Loop(rounds, False),)])
        nodes = [
            Node("w", Role.READ, rounds, _load(random_, OUTSIDE), (), window, (), ((core, random_.randint(0, 9)),)),
            Node("in", Role.READ, rounds, _load(random_, OUTSIDE), (), (), (), ((core, random_.randint(0, 9)),)),
            Node("l", Role.COMPUTE, rounds, ((core, random_.randint(1, 9)),), (0, 1)),
        ]
        if random_.random() < 0.5:
            nodes.append(Node("m", Role.MOVE, rounds, _load(random_), (2,), (), ((core, 3),), ((1 - core, 3),)))
            nodes.append(Node("l2", Role.COMPUTE, rounds, ((1 - core, random_.randint(1, 9)),), (3,)))
        last = len(nodes) - 1
        nodes.append(Node("out", Role.SAVE, rounds, _load(random_, OUTSIDE), (last,), out, ((core, 4),)))
        groups.append(Group(str(g), tuple(nodes), random_.choice([0, 0, 5])))
        if g:
            maker, reader = groups[g - 1].nodes[-1], nodes[1]
            ways = (
                Way("pushed", _load(random_), ((),), ((core, 20),), placed=True),
                Way("kept", None, (_load(random_),)),
                Way("away", maker.load, (reader.load,)),
            )
            kept = tuple(way for way in ways if way.name == "away" or random_.random() < 0.7)
            values.append(Value(f"v{g}", (g - 1, len(groups[g - 1].nodes) - 1), ((g, 1),), kept))
    if len(groups) > 1 and random_.random() < 0.5:
        loads = [group.nodes[0].load for group in groups]
        lent = Way("lent", None, (loads[0], *(_load(random_) for _ in loads[1:])), lent=True)
        readers = tuple((g, 0) for g in range(len(groups)))
        values.append(Value("w", None, readers, (lent, Way("away", None, tuple(loads)))))
    return Problem(LINES, stores(), tuple(groups), tuple(values))


def _load(random_: random.Random, *more: int) -> tuple[tuple[int, int], ...]:
    return ((BUS, random_.randint(1, 9)), *((line, random_.randint(1, 9)) for line in more))
