from __future__ import annotations

import ctypes
import gc
import os
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sweeps import examples

from mapper.errors import MapperError
from mapper.runtime import memory
from mapper.runtime.memory import Arena, Block, Memory
from mapper.runtime.tensors import kind_of

BYTE = kind_of("uint8")


@pytest.fixture
def arena() -> Iterator[Arena]:
    made = Arena()
    yield made
    made.close()


@examples(30, 100)
@given(st.lists(st.one_of(st.integers(0, 3 << 20), st.just(-1)), max_size=40))
def test_blocks_never_overlap_and_all_comes_back(asked: list[int]) -> None:
    arena = Arena()
    live: list[Block] = []
    for size in asked:
        if size >= 0:
            live.append(arena.block(BYTE, (size,)))
        elif live:
            arena.free(live.pop(len(live) // 2))
        spans = sorted((b.offset, b.offset + b.size) for b in live)
        assert all(a[1] <= b[0] for a, b in pairwise(spans))
        assert all(b.offset % 64 == 0 and b.size >= b.shape[0] for b in live)
    for block in live:
        arena.free(block)
    assert arena.free_bytes == arena.size
    arena.close()


def test_what_one_maps_another_sees_also_after_it_grew(arena: Arena) -> None:
    other = Memory(os.dup(arena.memory.descriptor))
    kind = kind_of("float")
    for size in (10, 1 << 20):
        block = arena.block(kind, (size,))
        numbers = np.arange(size, dtype=np.float32)
        arena.memory.put(block.offset, numbers)
        assert np.array_equal(other.array(block.offset, kind, (size,)), numbers)
    other.close()


def test_addresses_stay_good_when_the_memory_grows(arena: Arena) -> None:
    block = arena.block(BYTE, (4,))
    arena.memory.put(block.offset, np.array([1, 2, 3, 4], np.uint8))
    address = arena.memory.address(block.offset, 4)
    for _ in range(3):
        more = arena.block(BYTE, (4 << 20,))
        arena.memory.address(more.offset, more.size)
    gc.collect()
    assert ctypes.string_at(address, 4) == b"\1\2\3\4"


def test_an_array_in_it_is_no_copy(arena: Arena) -> None:
    block = arena.block(kind_of("int64"), (2, 2))
    arena.memory.array(block.offset, block.kind, block.shape)[:] = 7
    assert arena.memory.array(block.offset, block.kind, block.shape).tolist() == [[7, 7], [7, 7]]


def test_a_tensor_of_no_numbers_has_a_place(arena: Arena) -> None:
    block = arena.block(kind_of("float"), (1, 0, 4))
    assert arena.memory.array(block.offset, block.kind, block.shape).shape == (1, 0, 4)


def test_a_full_memory_is_told_with_what_is_in_use(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: int) -> None:
        raise OSError(28, "No space left on device")

    arena.block(BYTE, (100,))
    monkeypatch.setattr(memory, "_claim", full)
    with pytest.raises(MapperError, match="no room for 2,097,152 bytes more of shared memory") as caught:
        arena.block(BYTE, (2 << 20,))
    assert "--inflight" in caught.value.hint


def test_more_than_the_system_has_is_not_asked_for(arena: Arena) -> None:
    with pytest.raises(
        MapperError, match=r"no room for .* bytes more of shared memory: [\d,]+ bytes of memory are free"
    ):
        arena.block(BYTE, (1 << 50,))


def test_a_system_without_memory_files_takes_a_file_that_is_already_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")
    arena = Arena()
    block = arena.block(BYTE, (3,))
    arena.memory.put(block.offset, np.array([1, 2, 3], np.uint8))
    assert os.fstat(arena.memory.descriptor).st_nlink == 0
    arena.close()
