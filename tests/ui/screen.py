"""One session of the app as a user meets it: widgets by their labels, runs awaited to their end."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.testing.v1 import AppTest

from core import jobs
from core.jobs import Run
from pages.ui.state import AppState

APP = Path(__file__).parents[2] / "app.py"
SECONDS = 120
# Settings of a log-in, as they stand in the secrets.
AUTH = {"redirect_uri": "http://localhost/oauth2callback", "cookie_secret": "s" * 32}
AUTH |= {"client_id": "needle", "client_secret": "s", "server_metadata_url": "https://id.test"}
# Which kind of run a step of the session starts.
KINDS = {
    "reading": "read",
    "finding": "markers",
    "training": "train",
    "exploring": "explore",
    "drawing": "synthetic",
    "reading_query": "read",
    "importing": "import_model",
    "annotating": "annotate",
}
# How a page shows words; figures and tables are asked for by name.
TEXTS = ("title", "subheader", "caption", "markdown", "info", "warning", "error", "success")


class Screen:
    """Drives ``AppTest``; every run of the script must end without an exception or a bug report."""

    def __init__(
        self,
        files: MediaFileManager,
        page: str = "start",
        *,
        person: dict[str, Any] | None = None,
        **address: str,
    ) -> None:
        self._files = files
        self.at = AppTest.from_file(str(APP), default_timeout=SECONDS)
        if person is not None:
            self.at.secrets = {"auth": AUTH}
            self.at.user = person
        if address:
            # AppTest drops the address when the first page is another one than Start.
            self.at.query_params.update(address)
            self.run()
        if page != "start":
            self.at.switch_page(f"pages/{page}.py")
        self.run()

    @property
    def state(self) -> AppState:
        return self.at.session_state["needle"]

    @property
    def title(self) -> str:
        return self.at.title[0].value

    def run(self) -> Screen:
        """Run the script once more and check that nothing in it broke."""
        self.at.run()
        # AppTest would go back to the page it was sent to, also when the app has moved on since.
        self.at._page_hash = ""
        assert not self.at.exception, self.at.exception
        assert "E-BUG" not in self.text("error"), self.text("error")
        return self

    def go(self, page: str) -> Screen:
        self.at.switch_page(f"pages/{page}.py")
        return self.run()

    def click(self, label: str) -> Screen:
        """Press a button that is not greyed out."""
        button = self.find("button", label)
        assert not button.disabled, f"{label!r} is disabled"
        button.click()
        return self.run()

    def set(self, kind: str, label: str, value: Any) -> Screen:
        """Give a widget another value, as ``set("slider", "Score threshold", 0.9)``."""
        self.find(kind, label).set_value(value)
        return self.run()

    def upload(self, label: str, name: str, content: bytes) -> Screen:
        self.find("file_uploader", label).set_value((name, content, "application/octet-stream"))
        return self.run()

    def wait(self, step: str) -> Run:
        """Wait until the run of a step is over, and show the page again."""
        # A page forgets a reading that was over before it was drawn, because it has the cells.
        run_id = getattr(self.state, step) or runs_of(KINDS[step])[0].id
        run = jobs.wait(run_id, SECONDS)
        assert run.is_over
        self.run()
        return run

    def find(self, kind: str, label: str) -> Any:
        """Return the one widget of a kind that has this label."""
        widgets = getattr(self.at, kind)
        found = [widget for widget in widgets if widget.label == label]
        assert len(found) == 1, f"{label!r} among {[widget.label for widget in widgets]}"
        return found[0]

    def has(self, kind: str, label: str) -> bool:
        return any(widget.label == label for widget in getattr(self.at, kind))

    def text(self, *kinds: str) -> str:
        """Return all words of some kinds (all when none is named), without Markdown's escapes."""
        kinds = kinds or TEXTS
        return "\n".join(plain(str(el.value)) for kind in kinds for el in getattr(self.at, kind))

    @property
    def summary(self) -> str:
        """Return the line at the top that says what is chosen so far."""
        shown = [html.value for html in self.at.html if 'class="needle-summary"' in html.value]
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", " ".join(shown))).strip()

    @property
    def has_frame(self) -> bool:
        """Whether app.py ran around the page: its style sheet is there."""
        return any(html.value.startswith("<style>") for html in self.at.html)

    @property
    def links(self) -> set[str]:
        """Return the pages that the links of this page lead to."""
        return {link.proto.page for link in self.at.page_link}

    def table(self, *columns: str) -> pd.DataFrame:
        """Return the one table that has these columns."""
        tables = [element.value for element in self.at.dataframe]
        found = [table for table in tables if set(columns) <= set(table.columns)]
        assert len(found) == 1, [list(table.columns) for table in tables]
        return found[0]

    def download(self, label: str) -> bytes:
        """Return what the browser would be given for a download button."""
        button = self.find("download_button", label)
        url = self._files.execute_deferred(button.proto.deferred_file_id)
        return self._files._storage.get_file(Path(url).name).content


def plain(text: str) -> str:
    """Undo the escapes that keep names from being read as Markdown."""
    return re.sub(r"\\(.)", r"\1", text)


def runs_of(kind: str, *, besides: Iterable[str] = ()) -> list[Run]:
    """Return the runs of a kind, newest first, without those known before."""
    known = set(besides)
    return [run for run in jobs.get_database().runs(kind=kind) if run.id not in known]
