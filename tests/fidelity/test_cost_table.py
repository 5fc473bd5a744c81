"""The tables whose pricing is timed."""

from pathlib import Path

import pytest

from benchmarks.cost_table import MIXES, main, table


@pytest.mark.parametrize("mix", MIXES)
def test_the_rows_of_a_mix_are_distinct_and_the_same_each_time(mix: str) -> None:
    rows = table(mix, 300)
    assert len(set(rows)) == 300
    assert table(mix, 300) == rows


def test_every_row_of_a_mixture_has_a_price(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mixed", "--rows", "30", "--keep", str(tmp_path)]) == 0
    assert "mixed" in capsys.readouterr().out
    priced = (tmp_path / "mixed.priced.csv").read_text().splitlines()
    assert len(priced) == 31
    assert not any(line.endswith(",,") for line in priced)
