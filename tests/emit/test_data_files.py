from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from mapper.emit.data_files import BLOCK_BYTES, CopiedFiles, ReferredFiles, copy_range, joined, shares_blocks
from mapper.errors import MapperError


def test_stretches_are_widened_to_blocks_and_joined_where_they_touch() -> None:
    block = BLOCK_BYTES
    assert joined([(5 * block, 5 * block + 1), (1, 2), (block - 1, block + 1)], 9 * block) == [
        (0, 2 * block),
        (5 * block, 6 * block),
    ]
    assert joined([(3, 7)], 10) == [(0, 10)], "never beyond the end"


def test_only_what_is_used_is_copied_and_stays_at_its_offset(tmp_path: Path) -> None:
    origin, out = tmp_path / "w.bin", tmp_path / "out"
    out.mkdir()
    origin.write_bytes(os.urandom(40 * BLOCK_BYTES))
    data = CopiedFiles(out)
    place = data.place(origin)
    for block in (3, 30):
        data.use(origin, block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES)
    assert data.left_bytes() == 2 * BLOCK_BYTES
    data.finish()
    copied, known = (out / place).read_bytes(), origin.read_bytes()
    assert len(copied) == 31 * BLOCK_BYTES
    for block in range(31):
        here = slice(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES)
        assert copied[here] == (known[here] if block in (3, 30) else bytes(BLOCK_BYTES))


def test_bytes_are_copied_where_the_kernel_cannot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: int) -> int:
        raise OSError(errno.EXDEV, "other devices")

    written = os.pwrite
    monkeypatch.setattr(os, "copy_file_range", refused, raising=False)
    monkeypatch.setattr(os, "pwrite", lambda sink, data, offset: written(sink, data[:1000], offset))
    (tmp_path / "a").write_bytes(bytes(range(256)) * 20)
    with (tmp_path / "a").open("rb") as a, (tmp_path / "b").open("xb") as b:
        copy_range(a.fileno(), b.fileno(), 256, 4096, tmp_path / "a")
    assert (tmp_path / "b").read_bytes() == bytes(256) + bytes(range(256)) * 15


def test_a_file_that_became_shorter_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(100))
    with (
        (tmp_path / "a").open("rb") as a,
        (tmp_path / "b").open("xb") as b,
        pytest.raises(MapperError, match="a became shorter"),
    ):
        copy_range(a.fileno(), b.fileno(), 0, 200, tmp_path / "a")


def test_data_is_referred_to_by_its_path_from_the_folder_of_the_pieces(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    origin = tmp_path / "model" / "w.bin"
    origin.write_bytes(bytes(8))
    for out, place in ((tmp_path, "model/w.bin"), (tmp_path / "model", "w.bin")):
        data = ReferredFiles(out)
        assert data.place(origin) == place
        assert data.referred() == {place: origin}
    with pytest.raises(MapperError, match="does not lie below"):
        ReferredFiles(tmp_path / "other").place(origin)


def test_files_that_are_not_there_share_no_blocks(tmp_path: Path) -> None:
    assert not shares_blocks([tmp_path / "gone"], tmp_path)
