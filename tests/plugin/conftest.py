from __future__ import annotations

from pathlib import Path

import pytest
from plugin_sites import installed


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which the plug-in is installed, once for all tests."""
    return installed(tmp_path_factory)
