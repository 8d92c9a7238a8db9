"""What every test stands on: a data folder of its own, fresh caches, the shared datasets."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HOME = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """Point Needle at a new folder before any test module is imported."""
    home = Path(tempfile.mkdtemp(prefix="needle-tests-"))
    config.stash[HOME] = home
    os.environ["NEEDLE_HOME"] = str(home)
    os.environ["NEEDLE_NURSERY"] = "0"  # no worker is kept waiting behind a test's back
    os.environ["NEEDLE_WATCH"] = "0"  # nor is a run started or closed there
    for name in (
        "NEEDLE_MAX_RUNS",
        "NEEDLE_MEMORY_TOTAL_GB",
        "NEEDLE_DATABASE_URL",
        "NEEDLE_TASKS",
        "NEEDLE_MEMORY_LIMIT_GB",
    ):
        os.environ.pop(name, None)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the folder again."""
    shutil.rmtree(config.stash[HOME], ignore_errors=True)


@pytest.fixture(scope="session")
def needle_home(request: pytest.FixtureRequest) -> Path:
    """Return the data folder that all tests of this session share."""
    return request.config.stash[HOME]


@pytest.fixture
def fresh_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give one test an empty data folder of its own."""
    home = tmp_path / "needle-home"
    monkeypatch.setenv("NEEDLE_HOME", str(home))
    clear_caches()
    yield home
    clear_caches()


@pytest.fixture(autouse=True, scope="module")
def _fresh_caches() -> None:
    """Let no test module see what another one has cached."""
    clear_caches()


def clear_caches() -> None:
    """Empty Streamlit's caches and every ``functools`` cache in core and pages."""
    if streamlit := sys.modules.get("streamlit"):
        streamlit.cache_data.clear()
        streamlit.cache_resource.clear()
    ours = [m for name, m in sys.modules.items() if name.split(".")[0] in ("core", "pages")]
    for module in ours:
        for value in list(vars(module).values()):
            if callable(clear := getattr(value, "cache_clear", None)):
                clear()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real annotated datasets; without it, skip, but fail in CI."""
    folder = Path(os.environ.get("NEEDLE_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        miss("The shared datasets are not at ../shared/data (or NEEDLE_SHARED_DATA).")
    return folder


def miss(reason: str) -> None:
    """Skip a test for want of something; in CI nothing may be wanting."""
    if os.environ.get("CI"):
        pytest.fail(f"{reason} In CI this must be there.", pytrace=False)
    pytest.skip(reason)
