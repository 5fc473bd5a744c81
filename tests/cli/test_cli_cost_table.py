"""`mapper cost --csv`: tables of questions, priced row by row."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_tables import HEADER, chip

from mapper.cost.rows import KINDS


@pytest.fixture
def priced(mapper, tmp_path: Path) -> Callable[..., list[dict[str, str]]]:
    """Call it with rows under HEADER: the rows of the priced table."""

    def run(*rows: str, header: str = HEADER, options: tuple[str, ...] = ()) -> list[dict[str, str]]:
        chip(tmp_path)
        (tmp_path / "in.csv").write_text("\n".join([header, *rows]) + "\n")
        ran = mapper("cost", "--csv", "in.csv", "--out", "out.csv", *options)
        assert ran.code == 0 or options, ran.err
        with (tmp_path / "out.csv").open(newline="") as handle:
            return list(csv.DictReader(handle))

    return run


@pytest.fixture
def refused(mapper, tmp_path: Path) -> Callable[..., str]:
    """Call it with the text of a table that has an error: what the command says; nothing may be written."""

    def run(text: str, *options: str) -> str:
        chip(tmp_path)
        (tmp_path / "in.csv").write_text(text)
        ran = mapper("cost", "--csv", "in.csv", "--out", "out.csv", *options)
        assert ran.code in (1, 2)
        assert not (tmp_path / "out.csv").exists()
        return ran.err

    return run


def seconds(row: dict[str, str]) -> float:
    return float(row["time_s"])


def test_a_table_of_every_kind_keeps_its_prices(priced, golden, tmp_path: Path) -> None:
    rows = []
    for kind in KINDS:
        sizes = {"matmul": "8,16,32,2,,,,,,f16,,", "attention": ",,,2,4,2,16,1,7,f16,,"}.get(
            kind, "4,32,,,,,,,,f16,64,2"
        )
        rows.append(f"chip.yaml,,{kind},{sizes}")
    priced(*rows)
    golden("cost_table.csv", (tmp_path / "out.csv").read_text())


def test_rows_and_columns_stay_as_they_are_and_in_order(priced) -> None:
    rows = priced("7.5,chip.yaml,gelu,1,64", "0.1,chip.yaml,add,1,64", header="mine,target,kind,m,n")
    assert [(r["mine"], r["kind"]) for r in rows] == [("7.5", "gelu"), ("0.1", "add")]
    assert list(rows[0]) == ["mine", "target", "kind", "m", "n", "time_s", "energy_j", "low_s", "high_s"]


def test_the_band_of_the_model_spans_low_to_high(priced) -> None:
    (row,) = priced("chip.yaml,lanes0,matmul,64,64,64,,,,,,,f16,,")
    assert float(row["low_s"]) == pytest.approx(seconds(row) / 1.25)
    assert float(row["high_s"]) == pytest.approx(seconds(row) * 1.25)


def test_a_kind_that_was_measured_has_a_band_of_its_own(priced) -> None:
    product, norm = priced("chip.yaml,fast,matmul,64,64,64,,,,,,,f16,,", "chip.yaml,fast,softmax,64,64,,,,,,,,f16,,")
    assert float(product["high_s"]) == pytest.approx(seconds(product) * 1.1)
    assert float(norm["high_s"]) == pytest.approx(seconds(norm) * 1.6)


def test_an_empty_unit_is_that_of_the_highest_peak(priced) -> None:
    main, named, other = priced(
        *(f"chip.yaml,{unit},matmul,512,512,512,,,,,,,f16,," for unit in ("", "fast", "lanes0"))
    )
    assert main["time_s"] == named["time_s"] != other["time_s"]


def test_a_unit_that_lacks_the_type_hands_on_to_the_next(priced) -> None:
    main, named = priced(*(f"chip.yaml,{unit},matmul,8,8,8,,,,,,,f32,," for unit in ("", "lanes0")))
    assert main["time_s"] == named["time_s"]


def test_operands_lie_in_memory_in_the_type_of_the_row(priced) -> None:
    wide, narrow = priced(*(f"chip.yaml,lanes0,relu,4096,4096,,,,,,,,{t},," for t in ("f32", "f16")))
    assert seconds(wide) - 1e-6 == pytest.approx(2 * (seconds(narrow) - 1e-6))


def test_narrow_weights_alone_move_less(priced) -> None:
    whole, narrow = priced(*(f"chip.yaml,fast,matmul,1,4096,4096,,,,,,,{t},," for t in ("f16", "int4_wo")))
    assert 3.5 < (seconds(whole) - 1e-6) / (seconds(narrow) - 1e-6) < 4.5


def test_a_product_with_a_batch_has_no_weights(priced) -> None:
    one, many = priced(*(f"chip.yaml,fast,matmul,1,4096,4096,{batch},,,,,,f16,," for batch in (1, 4)))
    assert seconds(many) > 3 * seconds(one)


def test_decode_is_attention_of_one_query_after_a_cache(priced) -> None:
    short, long = priced(*(f"chip.yaml,fast,attention,,,,8,32,8,128,1,{past},f16,," for past in (99999, 199999)))
    assert seconds(long) - 1e-6 == pytest.approx(2 * (seconds(short) - 1e-6), rel=0.01)


def test_collectives_take_the_first_units_of_the_main_class(priced) -> None:
    two, three = priced(*(f"chip.yaml,lanes0,all_reduce,,,,,,,,,,,1000000,{ranks}" for ranks in (2, 3)))
    assert 0 < seconds(two) < seconds(three)


def test_more_ranks_than_units_are_priced_on_the_system_that_several_form(priced, tmp_path: Path) -> None:
    chip(tmp_path)
    one = (tmp_path / "chip.yaml").read_text().replace("name: chip", "name: one").replace("count: 3", "count: 1")
    one = one.replace("[ring", "[chain").replace("lanes0, lanes1, lanes2", "lanes").replace("lanes0", "lanes")
    one = "\n".join(line for line in one.splitlines() if not line.startswith(("  m1", "  m2")))
    (tmp_path / "one.yaml").write_text(one + "\nsystem: ./chip.yaml\n")
    here, there = priced(*(f"{name}.yaml,,all_reduce,,,,,,,,,,,1000000,3" for name in ("one", "chip")))
    assert here["time_s"] == there["time_s"]


def test_numbers_with_a_point_and_other_words_are_understood(priced) -> None:
    plain, other = priced("chip.yaml,,matmul,64,64,64,,,,,,,f16,,", "chip.yaml,,GEMM,64.0,64.0,6.4e1,,,,,,,float16,,")
    assert plain["time_s"] == other["time_s"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("chip.yaml,,matmul,64,x,64,,,,,,,,,", "in.csv:2: n: 'x' is no whole number"),
        ("chip.yaml,,matmul,64,1.5,64,,,,,,,,,", "in.csv:2: n: '1.5' is no whole number"),
        ("chip.yaml,,matmul,64,,64,,,,,,,,,", "in.csv:2: n: is empty"),
        ("chip.yaml,,matmul,64,-1,64,,,,,,,,,", "n: -1 is not between 1 and 2^48"),
        ("chip.yaml,,matmul,nan,1,1,,,,,,,,,", "m: 'nan'"),
        ("chip.yaml,,matmull,1,1,1,,,,,,,,,", "did you mean 'matmul'"),
        ("chip.yaml,,attention,,,,1,8,3,64,1,1,,,", "kv_heads: 3 KV heads do not divide 8 heads"),
        ("chip.yaml,,matmul,1,1,1,,,,,,,f17,,", "dtype: 'f17' is no number type"),
        ("chip.yaml,fats,matmul,1,1,1,,,,,,,,,", "unit: chip has no unit 'fats'; did you mean 'fast'"),
        ("chip.yaml,fast,matmul,1,1,1,,,,,,,f64,,", "no f64 arithmetic for matmul"),
        ("chip.yaml,,all_reduce,,,,,,,,,,,8,9", "ranks: chip has 1 chip@chip.fast; all_reduce among 9"),
        ("chap.yaml,,matmul,1,1,1,,,,,,,,,", "target: there is no target file chap.yaml"),
        (",,matmul,1,1,1,,,,,,,,,", "target: is empty"),
    ],
)
def test_a_bad_row_is_named_by_line_column_and_value(refused, row: str, said: str) -> None:
    assert said in refused(f"{HEADER}\n{row}\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("target,m\nx,1\n", "no column 'kind'"),
        ("target,kind,m,m\n", "'m' stands twice"),
        ("target,kind,time_s\n", "has a column 'time_s' already"),
        ("target,kind\nchip.yaml\n", "in.csv:2: 1 cells; the header has 2"),
        ('target,kind\n"chip.yaml,add\n', "not CSV"),
    ],
)
def test_a_table_that_is_none_is_refused(refused, text: str, said: str) -> None:
    assert said in refused(text)


def test_bad_rows_are_counted_and_the_first_are_told(refused) -> None:
    said = refused(HEADER + "\n" + "chip.yaml,,matmul,0,1,1,,,,,,,,,\n" * 12 + "chip.yaml,,add,1,1,,,,,,,,,,\n")
    assert "12 of 13 rows" in said
    assert "... and 2 more" in said


def test_keep_going_prices_the_others_and_says_why_not(priced) -> None:
    bad, good = priced("chip.yaml,,matmul,0,1,1,,,,,,,,,", "chip.yaml,,add,1,1,,,,,,,,,,", options=("--keep-going",))
    assert (bad["time_s"], bad["error"]) == ("", "m: 0 is not between 1 and 2^48")
    assert good["time_s"]
    assert good["error"] == ""


def test_the_exit_code_of_keep_going_tells_that_prices_are_missing(mapper, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(f"{HEADER}\nnowhere,,add,1,1,,,,,,,,,,\n")
    ran = mapper("cost", "--csv", "in.csv", "--out", "out.csv", "--keep-going")
    assert ran.code == 1
    assert "1 of 1 rows have no price" in ran.err


@pytest.mark.parametrize("words", [[], ["--csv", "in.csv"], ["--csv", "a", "--out", "b", "--work", "c"]])
def test_a_command_without_its_other_half_is_refused(mapper, words: list[str]) -> None:
    assert mapper("cost", *words).code == 2
