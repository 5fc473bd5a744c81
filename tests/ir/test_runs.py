from __future__ import annotations

import time

from mapper.ir.runs import Run, runs


def test_equal_layers_between_a_head_and_a_tail_are_one_run() -> None:
    assert runs(["embed", *("norm", "matmul", "gelu", "matmul2") * 6, "head"]) == [Run(1, 4, 6)]


def test_a_block_may_hold_the_same_op_twice() -> None:
    assert runs(list("aabaab" * 3)) == [Run(0, 3, 6)]


def test_an_encoder_and_a_decoder_are_two_runs() -> None:
    assert runs([*"abc" * 4, "bridge", *"defg" * 3]) == [Run(0, 3, 4), Run(13, 4, 3)]


def test_a_last_block_that_is_cut_short_does_not_count() -> None:
    assert runs(list("abcd" * 3 + "ab")) == [Run(0, 4, 3)]


def test_what_does_not_repeat_has_no_blocks() -> None:
    assert runs(range(50)) == []
    assert runs([]) == []


def test_two_equal_pairs_are_no_layers() -> None:
    assert runs(list("xababy")) == []


def test_a_hundred_thousand_ops_take_seconds() -> None:
    began = time.perf_counter()
    layer = [f"op{i}" for i in range(50)]
    assert runs([*range(7), *(layer * 2000)]) == [Run(7, 50, 2000)]
    assert time.perf_counter() - began < 20
