"""The history of runs in a database: a file of SQLite, or a server; only ever added to."""

from __future__ import annotations

import os
import sqlite3
from codecs import getincrementaldecoder
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    URL,
    Column,
    Connection,
    Engine,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    insert,
    select,
)
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError, ProgrammingError, SQLAlchemyError

from mapper.errors import MapperError
from mapper.regress.record import LASTING, Record, record_of

SCHEMA = "1"
POSTGRESQL = "postgresql+psycopg"
"""SQLAlchemy's name of the driver that hetmap[postgresql] brings."""
TIME = "%Y-%m-%dT%H:%M:%SZ"
"""Of UTC; later ones sort after earlier ones."""
WAIT_S = 60
"""How long a run waits for another one that is writing; each writes for milliseconds."""
STREAMED = 500
"""Rows of a long query that are in memory at once."""

_META = MetaData()
_ABOUT = Table("about", _META, Column("name", String(32), primary_key=True), Column("value", Text, nullable=False))
_RUNS = Table(
    "runs",
    _META,
    Column("number", Integer, primary_key=True, autoincrement=True),  # clocks go backwards, numbers do not
    Column("name", String(64), nullable=False, unique=True),
    Column("suite", String(255), nullable=False),
    Column("begun", String(32), nullable=False),
    Column("versions", Text, nullable=False),
)
_RECORDS = Table(
    "records",
    _META,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("run", Integer, ForeignKey("runs.number"), nullable=False),
    Column("case_name", String(255), nullable=False),
    Column("key", String(64), nullable=False),
    Column("ended", String(16), nullable=False),
    Column("text", Text, nullable=False),
    Index("records_by_key", "key"),
    Index("records_by_run", "run"),
)


@dataclass(frozen=True, slots=True)
class Run:
    """A run of a suite. number: later runs have larger ones, whatever their clocks say. begun: UTC, ISO 8601. versions:
    of what it ran with, JSON."""

    number: int
    name: str
    suite: str
    begun: str
    versions: str = "{}"


@dataclass(frozen=True)
class History:
    """What runs found. Several processes may add to it at once; each record is there as a whole or not at all."""

    url: str
    engine: Engine

    @property
    def where(self) -> str:
        """The database as it is told to people: without its password."""
        return _shown(self.url)

    def begin(self, suite: str, versions: str, now: datetime | None = None) -> Run:
        """A new run. now: when it begins; its name is that and something of its own."""
        begun = (now or datetime.now(UTC)).strftime(TIME)
        name = f"{begun}-{uuid4().hex[:8]}"
        with self._writing() as connection:
            values = {"name": name, "suite": suite, "begun": begun, "versions": versions}
            done = connection.execute(insert(_RUNS).values(**values).returning(_RUNS.c.number))
            return Run(int(done.scalar_one()), name, suite, begun, versions)

    def close(self) -> None:
        """Let go of the database: of a file, all that was written is in it alone then."""
        self.engine.dispose()

    def add(self, run: Run, *some: Record) -> None:
        """Write records, all or none: they are safe once this returns."""
        rows = [
            {"run": run.number, "case_name": r.case, "key": r.key, "ended": r.ended.value, "text": r.text} for r in some
        ]
        if rows:
            with self._writing() as connection:
                connection.execute(insert(_RECORDS), rows)

    def lasting(self, keys: Sequence[str]) -> dict[str, Record]:
        """By key, the latest record that need not be made again."""
        ended = [e.value for e in LASTING]
        found: dict[str, Record] = {}
        with self._reading() as connection:
            for some in _parts(keys):
                wanted = select(_RECORDS.c.key, _RECORDS.c.text).where(
                    _RECORDS.c.key.in_(some), _RECORDS.c.ended.in_(ended)
                )
                for key, text in connection.execute(wanted.order_by(_RECORDS.c.number)):
                    found[key] = record_of(text, self.where)
        return found

    def runs(self, suite: str | None = None) -> tuple[Run, ...]:
        """All runs, or those of a suite, the first first."""
        columns = (_RUNS.c.number, _RUNS.c.name, _RUNS.c.suite, _RUNS.c.begun, _RUNS.c.versions)
        wanted = select(*columns).order_by(_RUNS.c.number)
        with self._reading() as connection:
            rows = connection.execute(wanted if suite is None else wanted.where(_RUNS.c.suite == suite))
            return tuple(Run(*row) for row in rows)

    def records(self, run: Run) -> tuple[Record, ...]:
        """The records of a run, in the order in which they were written, the last one of each case."""
        wanted = select(_RECORDS.c.text).where(_RECORDS.c.run == run.number).order_by(_RECORDS.c.number)
        with self._reading() as connection:
            found = (record_of(text, self.where) for (text,) in connection.execute(wanted))
            return tuple({record.case: record for record in found}.values())

    def texts(self, suite: str, first: int = 0) -> Iterator[tuple[int, str, str]]:
        """Number of the run, case and text of every record of a suite's runs from one on, in their order; never more
        than some of them in memory."""
        wanted = select(_RECORDS.c.run, _RECORDS.c.case_name, _RECORDS.c.text).join(_RUNS)
        wanted = wanted.where(_RUNS.c.suite == suite, _RECORDS.c.run >= first)
        with self._reading() as connection:
            rows = connection.execution_options(yield_per=STREAMED).execute(
                wanted.order_by(_RECORDS.c.run, _RECORDS.c.number)
            )
            for run, case, text in rows:
                yield int(run), case, text

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with _told(self.url), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with _told(self.url), self.engine.connect() as connection:
            yield connection


def opened(where: str | Path) -> tuple[History, str]:
    """The history in a file of SQLite or at a URL of SQLAlchemy's, and what must be told of it ('' for nothing): a file
    that is damaged is put aside under another name, and a new one begun. Raises MapperError where it cannot be, and for
    a text: no damage makes one of a database, another file was meant."""
    text = str(where)
    if "://" in text:
        return _history(text.replace("postgresql://", f"{POSTGRESQL}://", 1)), ""
    path = Path(where)
    damage = _damage(path) if path.exists() else ""
    told = ""
    if damage and _is_text(path):
        raise MapperError(f"{path} is a text, no history", hint="give another file with --db")
    if damage:
        aside = _aside(path)
        told = f"{path} is damaged ({damage}): it is now {aside}, and a new history begins"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MapperError(f"{path.parent}: {error.strerror}", hint="give another file with --db") from None
    return _history(URL.create("sqlite", database=str(path)).render_as_string()), told


def _history(url: str) -> History:
    with _told(url):
        engine = create_engine(url)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _careful)
        known = _begun(engine)
    if known != SCHEMA:
        raise MapperError(
            f"{_shown(url)}: a history of schema {known}, this version writes {SCHEMA}",
            hint="run the version that wrote it, or begin another history with --db",
        )
    return History(url, engine)


def _begun(engine: Engine, tries: int = 5) -> str:
    """The schema of a database whose tables are there, or are made now; another run may be making them, too."""
    for left in range(tries, 0, -1):
        try:
            with engine.begin() as connection:
                _META.create_all(connection)
                known = connection.execute(select(_ABOUT.c.value).where(_ABOUT.c.name == "schema")).scalar()
                if known is None:
                    connection.execute(insert(_ABOUT).values(name="schema", value=SCHEMA))
                return known or SCHEMA
        except (OperationalError, IntegrityError, ProgrammingError):
            if left == 1:
                raise
    raise AssertionError


def _careful(connection: Any, _: Any) -> None:
    """Readers beside a writer, writers one after the other, and what is written stays when a process is killed."""
    for words in ("journal_mode=WAL", "synchronous=NORMAL", f"busy_timeout={1000 * WAIT_S}", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {words}")


def _damage(path: Path) -> str:
    """What is wrong with a file of SQLite; '' for nothing."""
    try:
        with sqlite3.connect(path, timeout=WAIT_S) as connection:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        connection.close()
    except sqlite3.OperationalError as error:
        raise MapperError(f"{path}: {error}", hint="give another file with --db") from None
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if found == "ok" else str(found)


def _is_text(path: Path, most: int = 4096) -> bool:
    with path.open("rb") as file:
        start = file.read(most)
    try:
        return b"\0" not in start and bool(getincrementaldecoder("utf-8")().decode(start))
    except UnicodeDecodeError:
        return False


def _aside(path: Path) -> Path:
    """Put a damaged file aside, with what SQLite has beside it."""
    number = next(k for k in range(1, 10**6) if not Path(f"{path}.damaged-{k}").exists())
    aside = Path(f"{path}.damaged-{number}")
    for end in ("", "-wal", "-shm"):
        if Path(f"{path}{end}").exists():
            os.replace(f"{path}{end}", f"{aside}{end}")
    return aside


@contextmanager
def _told(url: str) -> Iterator[None]:
    """Errors of databases as errors for users."""
    try:
        yield
    except OperationalError as error:
        file = "is there room on the disk, and may the file be written? --db gives another one"
        hint = file if url.startswith("sqlite:") else "is the server running?"
        raise MapperError(f"{_shown(url)}: {error.orig}", hint=hint) from None
    except DatabaseError as error:
        raise MapperError(f"{_shown(url)}: {error.orig}") from None
    except (SQLAlchemyError, ModuleNotFoundError) as error:
        raise MapperError(f"{_shown(url)}: {error}", hint="for PostgreSQL: pip install 'hetmap[postgresql]'") from None


def _shown(url: str) -> str:
    """A URL without its password."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return (
            make_url(url)
            .difference_update_query(["password"])
            .render_as_string(hide_password=True)
            .removeprefix("sqlite:///")
        )
    except ArgumentError:
        return url


def _parts(keys: Sequence[str], most: int = 500) -> Iterator[Sequence[str]]:
    for k in range(0, len(keys), most):
        yield keys[k : k + most]
