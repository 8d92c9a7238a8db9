"""Sessions of the app with real worker processes, and small files for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anndata as ad
import pandas as pd
import pytest
from streamlit import config
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage
from streamlit.testing.v1 import app_test

import core
from core import jobs
from core.config import config_to_dict
from core.data import DEMO_MARKERS, DEMO_TASK
from core.jobs import Run, State, launcher
from core.jobs.schema import UNFINISHED
from pages.ui import banners, links, people
from tests.ui.screen import SECONDS, Screen

# Two methods on few folds: enough for pages that only need some model.
QUICK = core.TrainingConfig(
    markers=DEMO_MARKERS, classifiers=("knn", "lr"), samplers=("loras",), n_splits=3, n_repeats=2
)


@pytest.fixture(scope="session", autouse=True)
def _warm_workers() -> Iterator[None]:
    """Start runs as the app does, from a warm process, and end that process with these tests.

    Rows that other tests of this session have left unfinished would stand before them in the queue.
    """
    database = jobs.get_database()
    for run in database.runs(state=UNFINISHED, limit=None):
        database.transition(run.id, State.CANCELLED, allowed_from=UNFINISHED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEEDLE_NURSERY", "1")
        yield
    launcher._nursery.end()


@pytest.fixture(autouse=True)
def _new_server() -> None:
    """Let no test see who logged out, dismissed or wanted something in another one."""
    for memory in (people._ENDED, banners._DISMISSED, links._WANTED):
        memory.clear()


@pytest.fixture
def open_app(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Screen]:
    """Return a function that opens a new session, on any page and with any address.

    With `person`, the claims of their log-in, it is a server on which people log in; with an empty
    one nobody has yet.
    """

    def opened(
        page: str = "start", *, person: dict[str, Any] | None = None, **address: str
    ) -> Screen:
        files = MediaFileManager(MemoryMediaFileStorage("/mock/media"))
        monkeypatch.setattr(app_test, "MediaFileManager", lambda storage: files)
        return Screen(files, page, person=person, **address)

    return opened


@pytest.fixture
def set_option() -> Iterator[Callable[[str, Any], None]]:
    """Return a function that sets one of Streamlit's options for this test."""
    before = {}

    def changed(name: str, value: Any) -> None:
        before.setdefault(name, config.get_option(name))
        config.set_option(name, value)

    yield changed
    for name, value in before.items():
        config.set_option(name, value)


@pytest.fixture
def empty_home(fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give one test an empty data folder, and leave the warm process to the other tests."""
    monkeypatch.setenv("NEEDLE_NURSERY", "0")
    return fresh_home


@pytest.fixture
def demo(open_app: Callable[..., Screen]) -> Screen:
    """Return a session in which the demo's reference was just loaded."""
    screen = open_app().click("Try the demo")
    if screen.state.reading:
        screen.wait("reading")
    assert screen.state.dataset
    return screen


@pytest.fixture(scope="session")
def trained(needle_home: Path) -> Run:
    """Return a finished training on the demo's reference."""
    config = {
        "dataset": core.demo_reference().digest,
        "task": config_to_dict(DEMO_TASK),
        "training": config_to_dict(QUICK),
    }
    run = jobs.wait(jobs.start("train", config, title="Demo training"), SECONDS)
    assert run.state is State.DONE, run.error
    return run


@pytest.fixture
def with_model(open_app: Callable[..., Screen], trained: Run) -> Callable[[str], Screen]:
    """Return a function that opens a page in a session which has that training."""

    def opened(page: str) -> Screen:
        task = trained.config["task"]
        chosen = {"reference": trained.config["dataset"], "label": task["label"]}
        chosen |= {"rare": task["rare"], "markers": str(DEMO_MARKERS), "training": trained.id}
        return open_app(page, **chosen)

    return opened


@pytest.fixture
def h5ad(tmp_path: Path) -> Callable[..., bytes]:
    """Return a function that makes the content of an .h5ad file from real cells.

    The cells are the demo's ``"reference"`` or ``"query"``; `genes` renames genes, `obs` replaces
    all columns of the cells.
    """

    def made(
        part: str = "query",
        *,
        genes: Callable[[str], str] = str,
        obs: dict[str, list[str]] | None = None,
    ) -> bytes:
        cells = {"query": core.demo_query, "reference": core.demo_reference}[part]()
        names = pd.Index([genes(gene) for gene in cells.genes], dtype=object)
        adata = ad.AnnData(
            X=cells.stored_matrix(),
            obs=pd.DataFrame(obs or {}, index=pd.Index(cells.cells, dtype=object)),
            var=pd.DataFrame(index=names),
            obsm={"X_umap": cells.file_umap},
        )
        path = tmp_path / "made.h5ad"
        adata.write_h5ad(path)
        return path.read_bytes()

    return made
