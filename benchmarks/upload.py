"""Memory of the server, and seconds to the verdict, when somebody uploads a big file.

``python -m benchmarks.upload [MEGABYTES]``: files of that size (500 unless told otherwise), one
with sparse counts as anndata writes them, one with the same counts compressed, one a table of
text. They go through a real browser into a real server; the figures are the resident memory of the
server's process before, at its highest, with the file there, and when the page was left.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import psutil
from playwright.sync_api import Page, sync_playwright
from scipy import sparse

from benchmarks.server import AppServer

MEGABYTE = 2**20
N_GENES = 20_000
PER_CELL = 1_500
SECONDS = 900
SECONDS_TO_SETTLE = 20
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


class Memory(threading.Thread):
    """Resident memory of a process, looked at ten times a second."""

    def __init__(self, process: psutil.Process) -> None:
        super().__init__(daemon=True)
        self.process, self.peak, self.stopped = process, 0, threading.Event()

    def run(self) -> None:
        """Look until told to stop."""
        while not self.stopped.wait(0.1):
            self.peak = max(self.peak, self.now())

    def now(self) -> int:
        """Bytes at this moment."""
        with suppress(psutil.NoSuchProcess):
            return self.process.memory_info().rss
        return 0


def counts(n_cells: int) -> ad.AnnData:
    """Counts like those of a 10x experiment: 1,500 genes a cell, mostly ones and twos."""
    rng = np.random.default_rng(0)
    step = N_GENES // PER_CELL
    genes = np.arange(PER_CELL, dtype=np.int32) * step
    indices = (genes + rng.integers(0, step, (n_cells, PER_CELL), dtype=np.int32)).ravel()
    data = rng.geometric(0.4, len(indices)).astype(np.float32)
    starts = np.arange(0, len(indices) + 1, PER_CELL)
    types = pd.Categorical(np.where(rng.random(n_cells) < 0.01, "rare", "other"))
    return ad.AnnData(
        sparse.csr_matrix((data, indices, starts), shape=(n_cells, N_GENES)),
        obs=pd.DataFrame({"cell_type": types}, index=[f"cell{i}" for i in range(n_cells)]),
        var=pd.DataFrame(index=[f"GENE{i}" for i in range(N_GENES)]),
    )


def plain(path: Path, n_bytes: int) -> None:
    """Write an .h5ad file as anndata does when nothing is said of compression."""
    counts(n_bytes // (PER_CELL * 8)).write_h5ad(path)


def compressed(path: Path, n_bytes: int) -> None:
    """Write an .h5ad file as most are that people share."""
    counts(int(n_bytes / (PER_CELL * 1.75))).write_h5ad(path, compression="gzip")


def table(path: Path, n_bytes: int) -> None:
    """Write a table of text, one cell a row."""
    part = counts(400)
    values = part.X.toarray().astype(np.int64)
    with path.open("w") as file:
        file.write("cell," + ",".join(part.var_names) + "\n")
        lines = [",".join(map(str, row)) + "\n" for row in values.tolist()]
        number = 0
        while file.tell() < n_bytes:
            file.write(f"cell{number}," + lines[number % len(lines)])
            number += 1


def measure(page: Page, server: AppServer, path: Path) -> dict[str, float]:
    """Load one file on the page Reference; megabytes and seconds."""
    page.goto(f"{server.url}/reference")
    page.get_by_label("Reference file").first.wait_for(state="attached")
    time.sleep(SECONDS_TO_SETTLE / 2)
    memory = Memory(psutil.Process(server.process.pid))
    before = memory.now()
    memory.start()
    started = time.monotonic()
    page.locator("input[type=file]").first.set_input_files(path)
    page.get_by_text(re.compile(r"cells × [\d,]+ genes")).first.wait_for(timeout=SECONDS * 1000)
    seconds = time.monotonic() - started
    time.sleep(SECONDS_TO_SETTLE)
    there = memory.now()
    page.goto("about:blank")
    time.sleep(SECONDS_TO_SETTLE)
    memory.stopped.set()
    size = path.stat().st_size
    return {
        "file": size / MEGABYTE,
        "seconds": seconds,
        "seconds per 100 MB": seconds / (size / 1e8),
        "peak beyond the file": (memory.peak - before - size) / MEGABYTE,
        "while it is there": (there - before) / MEGABYTE,
        "page left": (memory.now() - before) / MEGABYTE,
    }


def main(arguments: list[str]) -> None:
    """Print one line per kind of file."""
    n_bytes = int(float(arguments[0] if arguments else 500) * MEGABYTE)
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chrome")
    kinds: dict[str, tuple[str, Callable[[Path, int], None]]] = {
        ".h5ad, as it is": ("plain.h5ad", plain),
        ".h5ad, compressed": ("packed.h5ad", compressed),
        "text table": ("table.csv", table),
    }
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        print("memory of the server's process in MB, beyond what it had before")
        for title, (name, write) in kinds.items():
            path = Path(folder) / name
            write(path, n_bytes)
            with AppServer(Path(folder) / f"home-{path.stem}").await_health() as server:
                figures = measure(browser.new_page(), server, path)
            print(f"{title:<20}" + "  ".join(f"{k} {v:,.1f}" for k, v in figures.items()))
            path.unlink()
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
