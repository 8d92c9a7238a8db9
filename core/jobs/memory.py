"""How much memory a run is going to need, and how much there is for it.

A run holds its libraries, the stored (non-zero) values of its dataset several times over, and for
some kinds the marker genes of all cells as a dense table. The constants are the peaks of real
workers (VmHWM) on datasets of 525 to 80,000 cells with up to 48 million stored values and 400
markers, rounded up: a prediction is meant to be one to two times the peak. ``python -m
benchmarks.memory`` prints both side by side.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.jobs.limits import memory_of_all
from core.jobs.machine import available_memory
from core.jobs.schema import Run

__all__ = ["free_memory", "predict_memory"]

# What a worker holds with all libraries imported and UMAP compiled, and a small dataset.
LIBRARIES = 500 * 2**20

# By kind: bytes per stored value while the dataset is prepared, and later, beside what is left of
# it, per marker gene of a cell. The larger of the two moments counts.
NEEDS = {
    "read": (28, 0),
    "markers": (42, 0),
    "train": (46, 40),
    "explore": (54, 40),
    "synthetic": (42, 16),
    "layout": (44, 0),
    "annotate": (44, 16),
}
LEFT_OF_IT = 16

# Bytes that a stored value takes in a file: compressed, or as 4 for itself and 4 for its place.
PACKED, PLAIN = 2.0, 8.0
BLOCKS, BLOCK_SIZE, PACKED_RATIO = 16, 2**14, 0.8
MOST_FILES = 200


@dataclass(frozen=True)
class _Size:
    n_values: float
    n_cells: int


def predict_memory(kind: str, config: dict[str, Any]) -> int | None:
    """Return the bytes that a run is expected to need; ``None`` when nobody knows.

    Parameters
    ----------
    kind : str
        Name of a task.
    config : dict
        Its settings; the size of the dataset or file that they name decides.

    Examples
    --------
    >>> predict_memory("read", {"demo": "reference"}) // 2**20
    500
    """
    if kind == "import_model" or "demo" in config:
        return LIBRARIES
    if kind not in NEEDS or (size := _size(config)) is None:
        return None
    per_value, per_marker = NEEDS[kind]
    n_markers = _n_markers(config)
    later = LEFT_OF_IT * size.n_values + per_marker * n_markers * size.n_cells
    return int(LIBRARIES + max(per_value * size.n_values, later))


def free_memory(active: Sequence[Run]) -> int:
    """Bytes that one more run may use beside those at work.

    What they are expected to need still is theirs, although the machine counts it as free. A run
    that is alone may have all that the machine has free: its own limit ends it, with a sentence.
    """
    expected = sum(run.predicted_memory or 0 for run in active)
    to_come = sum(max((run.predicted_memory or 0) - (run.peak_memory or 0), 0) for run in active)
    available = available_memory() - to_come
    return min(memory_of_all() - expected, available) if active else available


def _n_markers(config: dict[str, Any]) -> int:
    """Most marker genes that a run takes of each cell."""
    search = config.get("search", {})
    training = search.get("base") or config.get("training", {})
    if own := training.get("genes"):
        return len(own)
    return max(search.get("space", {}).get("markers") or [training.get("markers", 50)])


def _size(config: dict[str, Any]) -> _Size | None:
    try:
        if "dataset" in config:
            return _size_of_dataset(config["dataset"])
        return _size_of_files(Path(config["path"])) if "path" in config else None
    except (OSError, KeyError, ValueError):  # gone, or empty: the task will say so
        return None


def _size_of_dataset(digest: str) -> _Size:
    import h5py  # these take a second or two, which a process that reads no dataset is spared

    from core.data.dataset import dataset_path

    with h5py.File(dataset_path(digest), "r") as file:
        return _Size(file["X/data"].shape[0], file["uns/needle_totals"].shape[0])


def _size_of_files(path: Path) -> _Size:
    """Guess from the length of files, which only a worker may open, and from how dense they are."""
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    lengths = {file: file.stat().st_size for file in files[:MOST_FILES]}
    largest = max(lengths, key=lengths.__getitem__)
    is_packed = _is_packed(largest, lengths[largest])
    return _Size(sum(lengths.values()) / (PACKED if is_packed else PLAIN), 0)


def _is_packed(path: Path, length: int) -> bool:
    sample = bytearray()
    with path.open("rb") as file:
        for number in range(BLOCKS):
            file.seek(length * number // BLOCKS)
            sample += file.read(BLOCK_SIZE)
    return len(zlib.compress(sample, 1)) > PACKED_RATIO * len(sample)
