from __future__ import annotations

from itertools import pairwise

import onnx
from hypothesis import given
from hypothesis import strategies as st
from sweeps import examples

from mapper.emit.grouping import pieces
from mapper.frontend.anatomy import FileNode


def node(name: str, reads: tuple[str, ...]) -> FileNode:
    proto = onnx.helper.make_node("Sum", list(reads), [f"v{name}"], name)
    return FileNode(name, proto, reads, ())


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[FileNode], dict[str, str], dict[str, int]]:
    """Nodes in order, each reading some earlier ones, with a unit and a start of its own; some are copies."""
    count = draw(st.integers(1, 14))
    nodes, owner, start = [], {}, {}
    for k in range(count):
        sources = draw(st.lists(st.integers(0, k - 1), unique=True, max_size=3)) if k else []
        nodes.append(node(str(k), tuple(f"v{i}" for i in sources)))
        start[str(k)] = draw(st.integers(0, 5))
        if draw(st.integers(0, 9)):
            owner[str(k)] = draw(st.sampled_from("abc"))
    return nodes, owner, start


@examples(30, 100)
@given(graphs())
def test_groups_are_of_one_owner_hold_each_node_once_and_wait_for_none_behind(
    case: tuple[list[FileNode], dict[str, str], dict[str, int]],
) -> None:
    nodes, owner, start = case
    found = pieces(nodes, owner, start)
    assert sorted(n.name for group in found for n in group) == sorted(owner)
    done: set[str] = {f"v{n.name}" for n in nodes if n.name not in owner}
    for group in found:
        assert len({owner[n.name] for n in group}) == 1
        for n in group:
            assert set(n.reads) <= done
            done.add(f"v{n.name}")
    assert all(owner[a[0].name] != owner[b[0].name] for a, b in pairwise(found))


def test_the_unit_of_the_earliest_node_runs_all_that_it_can() -> None:
    nodes = [node("0", ()), node("1", ()), node("2", ("v0",)), node("3", ("v1",)), node("4", ("v2", "v3"))]
    owner = dict(zip("01234", "abaab", strict=True))
    found = pieces(nodes, owner, dict.fromkeys("01234", 0))
    assert [[n.name for n in group] for group in found] == [["0", "2"], ["1"], ["3"], ["4"]]
