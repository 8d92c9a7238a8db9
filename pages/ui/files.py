"""Files to take away, made only when their button is pressed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from core.annotation import Annotation

__all__ = ["content_of", "draw_downloads"]


def draw_downloads(result: Annotation) -> None:
    """Offer the calls as a table, as a list and with the query's data."""
    files: tuple[tuple[str, str, str, Callable], ...] = (
        ("Predictions (CSV)", "needle_predictions.csv", "text/csv", result.to_csv),
        ("Cell IDs (TXT)", "needle_cell_ids.txt", "text/plain", result.to_cell_ids),
        (
            "Annotated data (H5AD)",
            "needle_annotated.h5ad",
            "application/x-hdf5",
            result.to_h5ad,
        ),
    )
    row = st.container(horizontal=True)
    for label, name, mime, write in files:
        row.download_button(
            label,
            data=lambda write=write: content_of(write),
            file_name=name,
            mime=mime,
            on_click="ignore",
            icon=":material/download:",
        )


def content_of(write: Callable[[Path], None]) -> bytes:
    """What a writer puts into a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        write(path)
        return path.read_bytes()
