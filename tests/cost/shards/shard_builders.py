"""Tiny transformer blocks, and machines whose units are teams."""

from __future__ import annotations

from dataclasses import replace

from cost_builders import Clockwork, machine

from mapper.hw.target import Target, Team
from mapper.hw.work import DType, Role
from mapper.ir.graph import Graph, Op, Phase, State, Value

F = DType.F32
TOKENS, WIDTH, HEADS, GROUPS, SIZE, INNER, EXPERTS = 8, 16, 4, 2, 4, 12, 4
RUN = Phase("run", (), 1)


def value(name: str, *shape: int | str, role: Role = Role.ACTIVATION, dtype: DType = F) -> Value:
    return Value(name, shape, dtype, role)


def weight(name: str, *shape: int) -> Value:
    return value(name, *shape, role=Role.WEIGHT)


def op(name: str, kind: str, inputs: str, output: str, **attrs: object) -> Op:
    return Op(name, kind, tuple(inputs.split()), tuple(output.split()), tuple(attrs.items()))  # type: ignore[arg-type]


def block(tokens: int = TOKENS, heads: int = HEADS, groups: int = GROUPS) -> Graph:
    """A block with grouped heads and a gated network: norm, q, k, v, attention, out, sum, norm, gate, up, down, sum."""
    heads_attrs = {"batch": 1, "heads": heads, "kv_heads": groups, "q": tokens, "kv": tokens, "head_dim": SIZE}
    q, kv = heads * SIZE, groups * SIZE
    rows = {"x": WIDTH, "n": WIDTH, "q": q, "k": kv, "v": kv, "c": q, "o": WIDTH, "s": WIDTH, "m": WIDTH}
    rows |= {"g": INNER, "u": INNER, "h": INNER, "d": WIDTH}
    ops = (
        op("norm1", "norm", "x wn", "n", width=WIDTH, fn="rms"),
        op("q", "matmul", "n wq bq", "q"),
        op("k", "matmul", "n wk", "k"),
        op("v", "matmul", "n wv", "v"),
        op("attention", "attention", "q k v", "c", **heads_attrs),
        op("out", "matmul", "c wo bo", "o"),
        op("sum1", "elementwise", "o x", "s", fn="add"),
        op("norm2", "norm", "s wn", "m", width=WIDTH, fn="rms"),
        op("gate", "matmul", "m wg", "g"),
        op("up", "matmul", "m wu", "u"),
        op("act", "elementwise", "g u", "h", fn="swiglu"),
        op("down", "matmul", "h wd", "d"),
        op("sum2", "elementwise", "d s", "y", fn="add"),
    )
    weights = (
        weight("wn", WIDTH), weight("wq", WIDTH, q), weight("bq", q), weight("wk", WIDTH, kv), weight("wv", WIDTH, kv),
        weight("wo", q, WIDTH), weight("bo", WIDTH), weight("wg", WIDTH, INNER), weight("wu", WIDTH, INNER),
        weight("wd", INNER, WIDTH),
    )  # fmt: skip
    inner = tuple(
        value(n, 1, tokens, width, role=Role.INPUT if n == "x" else Role.ACTIVATION) for n, width in rows.items()
    )
    return Graph("block", ops, (*inner, value("y", 1, tokens, WIDTH, role=Role.OUTPUT), *weights))


def cached() -> Graph:
    """Attention with a cache that grows."""
    attrs = {"batch": "b", "heads": HEADS, "kv_heads": GROUPS, "q": "seq", "kv": "all", "head_dim": SIZE, "causal": 1}
    return Graph(
        "cached",
        (
            op("qkv", "matmul", "x w", "p"),
            Op("attention", "attention", ("p", "", "", "pk", "pv"), ("c", "nk", "nv"), tuple(attrs.items())),
            op("out", "matmul", "c wo", "y"),
        ),
        (
            value("x", "b", "seq", WIDTH, role=Role.INPUT), weight("w", WIDTH, (HEADS + 2 * GROUPS) * SIZE),
            value("p", "b", "seq", (HEADS + 2 * GROUPS) * SIZE), value("c", "b", "seq", HEADS * SIZE),
            *(value(n, "b", GROUPS, "past", SIZE, role=Role.STATE) for n in ("pk", "pv")),
            *(value(n, "b", GROUPS, "all", SIZE, role=Role.STATE) for n in ("nk", "nv")),
            weight("wo", HEADS * SIZE, WIDTH), value("y", "b", "seq", WIDTH, role=Role.OUTPUT),
        ),
        (State("pk", "nk"), State("pv", "nv")),
    )  # fmt: skip


def phase(name: str, calls: int = 1, **dims: int) -> Phase:
    return Phase(name, (), calls, tuple((n, (size,)) for n, size in dims.items()))


def mixture() -> Graph:
    """Rows that go to two of four experts each: a product with theirs, another back, and the sum of each token's."""
    rows = 2 * TOKENS
    mixed = {"experts": EXPERTS, "picked": 2, "trans_b": 1}
    return Graph(
        "mixture",
        (
            op("norm", "norm", "x wn", "n", width=WIDTH, fn="rms"),
            Op("up", "matmul", ("n", "wu", "routes"), ("h",), tuple(mixed.items())),
            op("act", "elementwise", "h", "a", fn="relu"),
            Op("down", "matmul", ("a", "wd", "routes"), ("d",), tuple(mixed.items())),
            op("sum", "reduce", "d routes", "y", op_type="MoE", axes=(0,), keepdims=0),
        ),
        (
            value("x", 1, TOKENS, WIDTH, role=Role.INPUT), weight("wn", WIDTH), value("n", 1, TOKENS, WIDTH),
            value("routes", rows, role=Role.INPUT, dtype=DType.I32), weight("wu", EXPERTS, INNER, WIDTH),
            weight("wd", EXPERTS, WIDTH, INNER), value("h", rows, INNER), value("a", rows, INNER),
            value("d", rows, WIDTH), value("y", 1, TOKENS, WIDTH, role=Role.OUTPUT),
        ),
    )  # fmt: skip


def team_of(ranks: int, copies: int = 1, link: float = 1e9, capacity: int = 1 << 20, **changes: object) -> Target:
    """So many equal units, all linked to the first, as one team; the memory and its bandwidth are those of all."""
    n = ranks * copies
    model = Clockwork(**changes)  # type: ignore[arg-type]
    group = machine(*[model] * n, link=link)
    group = replace(
        group,
        units=tuple(replace(u, kind="clock") for u in group.units),
        memories=tuple(replace(m, capacity_bytes=capacity) for m in group.memories),
    )
    unit, memory = group.units[0], group.memories[0]
    team = replace(unit, team=Team(tuple(u.name for u in group.units), ranks, copies))
    wide = replace(memory, capacity_bytes=n * capacity, bandwidth_bytes_per_s=n * memory.bandwidth_bytes_per_s)
    return Target("team", "", (team,), (wide,), (), io=memory.name, group=group)
