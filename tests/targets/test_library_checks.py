"""The built-in library passes its own check."""

from __future__ import annotations

from mapper.hw.checks import check_files, library_files


def test_every_file_of_the_library_passes_the_check() -> None:
    assert [str(complaint) for complaint in check_files(library_files())] == []
