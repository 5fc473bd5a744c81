"""The history: what was added stays, as a whole or not at all, whoever else writes or is killed."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from nights import nights_in

from mapper.errors import MapperError
from mapper.regress.history import History, opened
from mapper.regress.record import Ended, Record, record_of
from mapper.regress.trends import trends


def record(case: str, key: str, ended: Ended = Ended.FOUND, value: float = 1.0) -> Record:
    return Record(
        case, key, ended, {"throughput_per_s": value}, {"total_s": 2.5}, {"python": "3"}, {"model": "m"}, "f0"
    )


@pytest.fixture
def history(tmp_path: Path) -> History:
    return opened(tmp_path / "history.db")[0]


def test_records_come_back_as_they_were_added(history: History) -> None:
    run = history.begin("nightly", "{}")
    some = [record("a", "1" * 64), record("b", "2" * 64, Ended.TIMEOUT)]
    for one in some:
        history.add(run, one)
    assert list(history.records(run)) == some
    assert [r.name for r in history.runs("nightly")] == [run.name]
    assert history.runs("other") == ()


def test_of_one_question_the_latest_answer_that_lasts_is_found(history: History) -> None:
    first, second = history.begin("nightly", "{}"), history.begin("nightly", "{}")
    history.add(first, record("a", "1" * 64, value=1.0))
    history.add(second, record("a", "1" * 64, value=2.0))
    history.add(second, record("a", "1" * 64, Ended.TIMEOUT))
    history.add(second, record("b", "2" * 64, Ended.MEMORY))
    found = history.lasting(["1" * 64, "2" * 64, "3" * 64])
    assert list(found) == ["1" * 64]
    assert found["1" * 64].metrics["throughput_per_s"] == 2.0


def test_runs_are_in_the_order_in_which_they_began_whatever_clocks_say(history: History) -> None:
    later, earlier = (history.begin("s", "{}", datetime(year, 1, 1, tzinfo=UTC)) for year in (2030, 2020))
    assert [run.name for run in history.runs()] == [later.name, earlier.name]


def test_a_file_that_is_no_database_is_put_aside_and_told(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    path.write_bytes(b"this is no database\0" * 1000)
    history, told = opened(path)
    assert "is damaged" in told
    assert (tmp_path / "history.db.damaged-1").read_bytes().startswith(b"this is no")
    assert history.runs() == ()


def test_a_text_is_left_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "cases.yaml"
    path.write_text("schema: 1  # ä\n")
    with pytest.raises(MapperError, match=r"cases.yaml is a text, no history"):
        opened(path)
    assert [file.name for file in tmp_path.iterdir()] == ["cases.yaml"]


def test_a_database_with_a_damaged_page_is_put_aside_and_told(tmp_path: Path, history: History) -> None:
    run = history.begin("s", "{}")
    for k in range(200):
        history.add(run, record(f"case {k}", f"{k:064d}"))
    history.engine.dispose()
    path = tmp_path / "history.db"
    sqlite3.connect(path).execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    data = bytearray(path.read_bytes())
    data[8192:20480] = os.urandom(12288)
    path.write_bytes(data)
    fresh, told = opened(path)
    assert "is damaged" in told
    assert fresh.runs() == ()


def test_a_history_of_another_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    opened(path)[0].engine.dispose()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE about SET value='7'")
    with pytest.raises(MapperError, match="a history of schema 7"):
        opened(path)


def test_a_path_may_have_any_characters(tmp_path: Path) -> None:
    path = tmp_path / "50% of? it" / "a#b.db"
    run = opened(path)[0].begin("s", "{}")
    assert path.is_file()
    assert opened(path)[0].runs() == (run,)


def test_a_place_that_cannot_be_written_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MapperError, match="--db"):
        opened(tmp_path / "file" / "below" / "history.db")
    with pytest.raises(MapperError, match="no_such"):
        opened("no_such_database://host/name")


def test_a_disk_that_is_full_is_one_error_that_says_so(history: History) -> None:
    run = history.begin("s", "{}")
    with history.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1")  # the least that it has already
    with pytest.raises(MapperError, match="disk is full") as caught:
        history.add(run, *(record(f"case {k}", f"{k:064d}") for k in range(200)))
    assert "room on the disk" in caught.value.hint
    assert history.records(run) == ()


def test_a_record_of_another_schema_is_refused() -> None:
    text = record("a", "k").text.replace('"schema":1', '"schema":9')
    with pytest.raises(MapperError, match="a record of schema 9"):
        record_of(text, "here")
    with pytest.raises(MapperError, match="not a record"):
        record_of("[]", "here")


def write_on(path: Path, who: int, line: int) -> None:
    """Add records for ever; tell of each once it is safe."""
    history = opened(path)[0]
    run = history.begin(f"suite {who}", "{}")
    k = 0
    while True:
        history.add(run, record(f"case {k}", f"{who:032d}{k:032d}", value=float(k)))
        os.write(line, f"{who} {k}\n".encode())
        k += 1


@pytest.mark.slow
def test_a_hundred_kills_lose_nothing_and_leave_nothing_half(tmp_path: Path) -> None:
    path, dice = tmp_path / "history.db", random.Random(7)
    context = multiprocessing.get_context("fork")
    safe: set[tuple[int, int]] = set()
    for k in range(50):  # two writers at once, both are killed
        read, write = os.pipe()
        crew = [context.Process(target=write_on, args=(path, 2 * k + i, write)) for i in (0, 1)]
        for process in crew:
            process.start()
        os.close(write)
        time.sleep(0.05 + 0.1 * dice.random())
        for process in crew:
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
            process.join()
        with os.fdopen(read) as lines:
            safe |= {(int(who), int(number)) for who, number in map(str.split, lines)}
    history, told = opened(path)
    assert told == ""
    found = {(int(r.suite.split()[1]), int(x.case.split()[1])) for r in history.runs() for x in history.records(r)}
    assert len(safe) > 100
    assert safe <= found
    assert len(found) <= len(safe) + 100  # what was written and not yet told of


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of a PostgreSQL server of its own."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    is_root = os.geteuid() == 0  # the server refuses to run as root
    if not folders or (is_root and shutil.which("runuser") is None):
        pytest.skip("no PostgreSQL server is installed here")
    pytest.importorskip("psycopg", reason="no driver for PostgreSQL: pip install 'hetmap[postgresql]'")
    with tempfile.TemporaryDirectory(prefix="mapper-pg-") as name:  # pytest's own folders are closed to other users
        folder, prefix = Path(name), list[str]()
        if is_root:
            prefix = ["runuser", "-u", "postgres", "--"]
            shutil.chown(folder, "postgres")
        tools, data = [*prefix, str(folders[-1] / "pg_ctl")], folder / "data"
        made = [*prefix, str(folders[-1] / "initdb"), "-D", str(data), "-A", "trust", "-U", "mapper"]
        subprocess.run(made, check=True, capture_output=True)
        control = [*tools, "-D", str(data), "-w", "-l", str(folder / "log")]
        where = f"-c listen_addresses= -c unix_socket_directories={folder}"
        subprocess.run([*control, "-o", where, "start"], check=True, capture_output=True)
        try:
            yield f"postgresql://mapper@/postgres?host={folder}"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=True, capture_output=True)


@pytest.mark.slow
def test_a_real_server_keeps_what_a_file_keeps(server: str) -> None:
    history, told = opened(server)
    run = history.begin("nightly", "{}")
    history.add(run, record("a", "1" * 64))
    history.add(run, record("b", "2" * 64, Ended.BROKEN))
    again = opened(server)[0]
    assert told == ""
    assert [r.case for r in again.records(run)] == ["a", "b"]
    assert list(again.lasting(["1" * 64, "2" * 64])) == ["1" * 64]
    assert len(again.records(run)) == 2


@pytest.mark.slow
def test_trends_of_a_server_are_those_of_a_file(server: str, tmp_path: Path) -> None:
    file, other = nights_in(tmp_path / "a", 10, 12), nights_in(tmp_path / "b", 10, 12, db=server)
    found = [trends(made.history, "nightly", [case.name for case in made.cases]) for made in (file, other)]
    assert found[0].cases == found[1].cases
    assert [night.begun for night in found[0].nights] == [night.begun for night in found[1].nights]
    assert list(found[0].upgrades) == list(found[1].upgrades)


@pytest.mark.slow
def test_a_server_that_is_gone_is_one_error_without_its_password() -> None:
    pytest.importorskip("psycopg", reason="no driver for PostgreSQL")
    with pytest.raises(MapperError) as caught:
        opened("postgresql://mapper:secret@127.0.0.1:1/none")
    assert "secret" not in str(caught.value)
    assert "is the server running" in caught.value.hint
