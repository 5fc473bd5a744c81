from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from perfetto import faults, loads_whole
from sweeps import examples

from mapper.emit.events import Bar, Event, Flow, Group, about, drawn, lanes, text


def drawn_bars(*bars: Bar, flows: tuple[Flow, ...] = ()) -> list[Event]:
    return list(drawn([Group("machine", {"unit": bars}, {"live bytes": [(0, 1), (5, 0)]})], flows))


def rows(events: list[Event]) -> dict[str, list[str]]:
    title = {e["tid"]: e["args"]["name"] for e in events if e["ph"] == "M" and e["name"] == "thread_name"}
    found: dict[str, list[str]] = {name: [] for name in title.values()}
    for event in events:
        if event["ph"] == "X":
            found[title[event["tid"]]].append(event["name"])
    return found


def test_bars_that_overlap_get_rows_of_their_own() -> None:
    assert rows(drawn_bars(Bar("a", 0, 10), Bar("b", 5, 8), Bar("c", 8, 9))) == {"unit": ["a"], "unit #2": ["b", "c"]}


def test_what_overlaps_within_a_bar_is_shown_beside_it() -> None:
    outer = Bar("call", 0, 10, inside=(Bar("x", 0, 6), Bar("y", 3, 8), Bar("z", 6, 10)))
    assert rows(drawn_bars(outer)) == {"unit": ["call", "x", "z"], "unit, side by side": ["y"]}


def test_a_flow_leaves_in_the_last_nanosecond_and_arrives_at_the_start() -> None:
    events = drawn_bars(Bar("a", 0, 10, key="a"), Bar("b", 12, 20, key="b"), flows=(Flow("a", "b", "x"),))
    assert [(e["ph"], e["ts"], e["name"]) for e in events if e["ph"] in "sf"] == [("s", 0.009, "x"), ("f", 0.012, "x")]


def test_a_flow_of_an_unknown_bar_is_left_out() -> None:
    assert not [e for e in drawn_bars(Bar("a", 0, 1, key="a"), flows=(Flow("a", "?"),)) if e["ph"] in "sf"]


def test_a_counter_has_its_unit() -> None:
    assert [e["args"] for e in drawn_bars() if e["ph"] == "C"] == [{"bytes": 1}, {"bytes": 0}]


def test_numbers_that_json_does_not_know_are_words() -> None:
    assert about({"rate": float("inf"), "us": 1.23456789, "none": "", "zero": 0}) == {
        "rate": "inf",
        "us": 1.23457,
        "zero": 0,
    }


def test_hostile_names_stay_data(tmp_path: Path) -> None:
    name = '</script>"\\\n\0\u2028\x1b[31m{"ph":"X"}'
    events = drawn_bars(Bar(name, 0, 1, args={"ops": name}, key=1), Bar("b", 2, 3, key=2), flows=(Flow(1, 2, name),))
    path = tmp_path / "trace.json"
    path.write_text("".join(text(events, {"model": name})))
    assert json.loads(path.read_text())["traceEvents"] == events
    assert len(path.read_text().splitlines()) == len(events) + 2


BARS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 10)), max_size=12)


def test_lanes_are_as_few_as_are_busy_at_once() -> None:
    found = lanes([Bar("a", 0, 4), Bar("b", 1, 2), Bar("c", 2, 6), Bar("d", 4, 5)])
    assert [[b.name for b in row] for row in found] == [["a", "d"], ["b", "c"]]


@examples(30, 100)
@given(BARS, BARS, st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=8))
def test_whatever_is_drawn_keeps_the_rules_of_perfetto(
    outer: list[tuple[int, int]], inner: list[tuple[int, int]], arrows: list[tuple[int, int]]
) -> None:
    inside = tuple(Bar("inner", a, a + n, inside=(Bar("most", a, a + n // 2),)) for a, n in inner)
    bars = [Bar("outer", a, a + n, inside=inside, key=k) for k, (a, n) in enumerate(outer)]
    assert faults(drawn_bars(*bars, flows=tuple(Flow(a, b) for a, b in arrows if a < b))) == []


def test_perfetto_itself_takes_bars_of_no_length_and_flows_between_them(tmp_path: Path) -> None:
    bars = [Bar("a", 0, 0, key="a"), Bar("b", 0, 3, key="b"), Bar("c", 3, 3, key="c"), Bar("d", 3, 3, key="d")]
    events = drawn_bars(*bars, flows=(Flow("a", "b"), Flow("b", "c"), Flow("c", "d")))
    path = tmp_path / "trace.json"
    path.write_text("".join(text(events)))
    loads_whole(path)
