from __future__ import annotations

import onnx
import pytest

from mapper.emit.shards.waiting import Waiting
from mapper.frontend.anatomy import FileNode


def _node(name: str, *reads: str) -> FileNode:
    proto = onnx.helper.make_node("Concat", list(reads), [f"{name}.out"], name=name, axis=0)
    return FileNode(name, proto, reads, ())


@pytest.fixture
def waiting() -> Waiting:
    """a, then b and c that read it, then d that reads both; e alone."""
    return Waiting(
        [_node("a", "x"), _node("b", "a.out"), _node("c", "a.out"), _node("d", "b.out", "c.out"), _node("e", "x")]
    )


def _offered(waiting: Waiting, *refused: str) -> list[str]:
    seen = []

    def takes(node: FileNode) -> bool:
        seen.append(node.name)
        return node.name not in refused

    waiting.offer(takes)
    return seen


def test_nodes_are_offered_in_order_each_once(waiting: Waiting) -> None:
    assert _offered(waiting) == ["a", "b", "c", "d", "e"]


def test_what_reads_a_refused_node_is_not_offered(waiting: Waiting) -> None:
    assert _offered(waiting, "b") == ["a", "b", "c", "e"]


def test_an_offer_changes_nothing_until_nodes_ran(waiting: Waiting) -> None:
    assert _offered(waiting) == _offered(waiting)
    waiting.ran([_node("a", "x"), _node("c", "a.out")])
    assert _offered(waiting) == ["b", "d", "e"]


def test_no_more_waits_when_all_ran(waiting: Waiting) -> None:
    assert waiting
    waiting.ran([_node(name) for name in "abcde"])
    assert not waiting


def test_makers_are_told_while_they_wait(waiting: Waiting) -> None:
    assert (waiting.maker("a.out"), waiting.maker("x")) == ("a", None)
    waiting.ran([_node("a", "x")])
    assert waiting.maker("a.out") is None
    assert waiting.readers("a.out") == ["b", "c"]
