"""What a dataset must have for what it is going to be used for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.data.checking.labels import NO_COLUMN
from core.data.checking.text import quoted
from core.data.column_names import label_rank
from core.data.labels import clean_labels, require_label_column
from core.errors import DataError, Finding

if TYPE_CHECKING:
    from core.data.dataset import Dataset

__all__ = ["MIN_CELLS", "refusals_as"]

# Two folds of five cells each: with fewer there is nothing to learn from, and nothing to test on.
MIN_CELLS = 10


def refusals_as(role: str | None, dataset: Dataset, label: str | None) -> tuple[Finding, ...]:
    """Why a dataset cannot serve as a reference; nothing for other roles.

    Parameters
    ----------
    role : {"reference", "query"} or None
        Intended use.
    dataset : Dataset
        Read and checked.
    label : str or None
        Column that has to hold the cell types; by default any will do.

    Returns
    -------
    tuple of Finding
        ``E-TOO-FEW-CELLS``, ``E-LABEL-COLUMN``, ``E-LABEL-ONE-TYPE``.
    """
    if role != "reference":
        return ()
    found = []
    if dataset.n_cells < MIN_CELLS:
        found.append(
            Finding(
                "E-TOO-FEW-CELLS",
                f"A reference must have at least {MIN_CELLS} cells. This file has "
                f"{dataset.n_cells:,}.",
                "Load a larger reference; files of few cells can be used as a query.",
            )
        )
    try:
        if label is not None:
            require_label_column(dataset.obs, label)
        elif not dataset.label_columns() or _has_none(dataset):
            found.append(
                Finding(
                    "E-LABEL-ONE-TYPE",
                    f"{dataset.name} has no column with two or more cell types{_only(dataset)}: "
                    "there is nothing to tell apart.",
                    "Load it together with a table of its cells and their types, or use it as a "
                    "query.",
                )
            )
    except DataError as error:
        found.append(Finding(error.code, error.message, error.next_step))
    return tuple(found)


def _has_none(dataset: Dataset) -> bool:
    """Whether somebody has said that no column of numbers holds types."""
    return dataset.report.answers.get("C-LABEL-COLUMN") == NO_COLUMN


def _only(dataset: Dataset) -> str:
    """Name the one type that a likely column has, if there is such a column."""
    for name in sorted(dataset.obs.columns, key=label_rank):
        types = clean_labels(dataset.obs[name]).dropna().unique()
        if label_rank(name) < label_rank("") and len(types) == 1:
            return f" ({quoted(name)} has only {quoted(types[0])})"
    return ""
