"""One model of the library: its row, its file, and the mark of a file that may have no row."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from core.model import RareCellModel
from core.paths import models_folder
from core.text import method_label

__all__ = ["Model", "as_model", "file_of", "mark_of", "row_of"]


@dataclass(frozen=True)
class Model:
    """One model of the library, as it stood when the database was asked.

    Parameters
    ----------
    id : str
        Short random name.
    owner : str
        Whose it is; ``"local"`` where nobody logs in.
    name : str
        What its owner calls it.
    method : str
        For example ``"loras+knn"``.
    label, rare : str
        The task: label column of the reference and rare type.
    genes : tuple of str
        Marker genes, in the order of the classifier's features.
    metrics : mapping
        The method's row of the cross-validation; empty when there were too few rare cells.
    reference : mapping
        Name, digest, ``n_cells`` and ``n_rare`` of the reference.
    created : datetime
        When it was trained, UTC.
    sha256 : str
        Of the whole file, as hexadecimal digits.
    size : int
        Bytes of the file.
    run_id : str or None
        The training that it was kept from; ``None`` for a file that was uploaded.
    """

    id: str
    owner: str
    name: str
    method: str
    label: str
    rare: str
    genes: tuple[str, ...]
    metrics: Mapping[str, float | None]
    reference: Mapping[str, Any]
    created: datetime
    sha256: str
    size: int
    run_id: str | None

    @property
    def path(self) -> Path:
        """The model's file."""
        return file_of(self.id)

    @property
    def title(self) -> str:
        """What it is, in one line, whatever it is called."""
        genes, reference = len(self.genes), self.reference["name"]
        return f"{self.rare} · {self.method} · {genes} genes · {reference}"

    def mentions(self, text: str) -> bool:
        """Whether name, rare type, method or reference contain a text, or a gene is called so."""
        text = text.strip().casefold()
        words = (self.name, self.rare, self.method, method_label(self.method), self.label)
        parts = [word.casefold() for word in (*words, str(self.reference["name"]))]
        return any(text in part for part in parts) or text in map(str.casefold, self.genes)


def as_model(row: Any) -> Model:
    """Return a row of the table as the value that callers get."""
    values = dict(row._mapping)
    return Model(**values | {"genes": tuple(row.genes), "metrics": row.metrics or {}})


def row_of(model: RareCellModel, path: Path) -> dict[str, Any]:
    """Return the columns that come from a model and its file."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "method": model.method,
        "label": model.task.label,
        "rare": model.task.rare,
        "genes": list(model.genes),
        "metrics": dict(model.metrics),
        "reference": dict(model.reference),
        "created": datetime.fromisoformat(model.created),
        "sha256": sha256,
        "size": path.stat().st_size,
    }


def file_of(model_id: str) -> Path:
    """Return where a model's file is."""
    return models_folder() / f"{model_id}.skops"


def mark_of(path: Path) -> Path:
    """Return the mark beside a file whose row may be missing: it is being kept or deleted."""
    return path.with_name(f".{path.stem}.unsure")
