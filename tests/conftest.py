"""What all tests share: where real models and facts are found, goldens, and the tiny unit model."""

from __future__ import annotations

import gc
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import chromium as chromium
from browser import opened as opened
from builders import TinyUnit
from hypothesis import HealthCheck, settings

from mapper.hw import plugins

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as in a shell's background job: the processes of tests are too
    signal.signal(signal.SIGINT, signal.default_int_handler)

HERE = Path(__file__).resolve().parent
BESIDE = HERE.parent.parent / "shared"

for profile in ("fast", "full"):  # how long an example takes depends on what else the machine does
    settings.register_profile(profile, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--models", metavar="DIR", help="a folder of real ONNX models")
    parser.addoption("--facts", metavar="DIR", help="a folder of measured figures")
    parser.addoption("--bench", metavar="DIR", help="a folder of public solver instances")
    parser.addoption("--update-golden", action="store_true", help="write the goldens instead of comparing with them")


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("fast" if config.option.markexpr == "not slow" else "full")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where only slow tests are run, they have the properties that are tested in both."""
    for item in items if config.option.markexpr == "slow" else ():
        if item.get_closest_marker("in_both"):
            item.add_marker("slow")


@pytest.fixture(scope="session")
def models_folder(request: pytest.FixtureRequest) -> Path:
    """A folder of real ONNX models; tests that need it are skipped without one."""
    return _folder(request.config.getoption("--models"), BESIDE / "models", "real models", "--models")


@pytest.fixture(scope="session")
def facts_folder(request: pytest.FixtureRequest) -> Path:
    """A folder of measured figures; tests that need it are skipped without one."""
    return _folder(request.config.getoption("--facts"), BESIDE / "facts", "facts", "--facts")


@pytest.fixture(scope="session")
def bench_folder(request: pytest.FixtureRequest) -> Path:
    """A folder of public solver instances; tests that need it are skipped without one."""
    return _folder(request.config.getoption("--bench"), BESIDE / "bench", "solver instances", "--bench")


def _folder(given: str | None, beside: Path, what: str, option: str) -> Path:
    if given is not None and not Path(given).is_dir():
        pytest.fail(f"{option} {given}: not a folder")
    if given is None and not beside.is_dir():
        pytest.skip(f"no folder of {what}: pass {option} DIR")
    return Path(given or beside)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Call it with a name and a text: the text must be that of tests/golden/<name>."""

    def compare(name: str, text: str) -> None:
        path = HERE / "golden" / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), f"no golden {name}: run pytest --update-golden and read what it wrote"
        assert text == path.read_text(encoding="utf-8"), f"{name} differs; --update-golden accepts the new text"

    return compare


@pytest.fixture(scope="module")
def tiny_models() -> Iterator[None]:
    """Lets plans name the unit model 'tiny' as if a package had brought it."""
    load = plugins.load

    def load_or_tiny(group: str, name: str) -> Any:
        return TinyUnit if (group, name) == ("unit_models", "tiny") else load(group, name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plugins, "load", load_or_tiny)
        yield


def pytest_collection_finish() -> None:
    """What collection made stays for good: the collector need not go through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000)  # tests make plans of many small objects, few of them in cycles
