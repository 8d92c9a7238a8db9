"""Label columns: which can be used, and which cells are the rare ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.config import RareTask
from core.errors import DataError, ParameterError

__all__ = ["LabelColumn", "RareLabels", "clean_labels", "find_label_columns", "require_task"]

MAX_TYPES = 200
# Columns of these names are what a biologist means by "cell type"; they are offered first.
_LIKELY = (
    "cell_type",
    "celltype",
    "cell type",
    "label",
    "annotation",
    "cluster",
    "louvain",
    "leiden",
)


@dataclass(frozen=True)
class LabelColumn:
    """A column of ``obs`` that can serve as cell types.

    Parameters
    ----------
    name : str
        Column name.
    n_types : int
        Number of different labels.
    smallest_type : str
        The rarest label.
    smallest_size : int
        Its number of cells.
    """

    name: str
    n_types: int
    smallest_type: str
    smallest_size: int


@dataclass(frozen=True)
class RareLabels:
    """Truth for one task.

    Parameters
    ----------
    rows : int array of shape (n_labelled,)
        Rows of the dataset that carry a label; cells without one take no part.
    is_rare : bool array of shape (n_labelled,)
        Which of these are the rare type.
    """

    rows: npt.NDArray[np.intp]
    is_rare: npt.NDArray[np.bool_]

    @property
    def n_rare(self) -> int:
        """Number of rare cells."""
        return int(self.is_rare.sum())

    @property
    def n_other(self) -> int:
        """Number of other labelled cells."""
        return int((~self.is_rare).sum())


def clean_labels(column: pd.Series) -> pd.Series:
    """Labels as text; missing and blank ones become ``None``."""
    text = column.astype(object).where(column.notna(), None)
    text = text.map(lambda value: None if value is None else _as_text(value))
    return text.where(text.notna() & (text.str.strip() != ""), None)


def _as_text(value: object) -> str:
    whole = isinstance(value, float | np.floating) and float(value).is_integer()
    return str(int(value)) if whole else str(value)


def find_label_columns(obs: pd.DataFrame) -> list[LabelColumn]:
    """List the columns with 2 to 200 different labels, likely cell types first.

    Parameters
    ----------
    obs : pandas.DataFrame
        One row per cell.

    Returns
    -------
    list of LabelColumn
    """
    usable = []
    for name in obs.columns:
        column = obs[name]
        if column.dtype.kind == "f" and not _whole_numbers(column):
            continue
        if not 2 <= column.nunique(dropna=True) <= MAX_TYPES:
            continue
        sizes = clean_labels(column).value_counts()
        if len(sizes) >= 2 and sizes.iloc[0] > 1:
            usable.append(LabelColumn(name, len(sizes), str(sizes.index[-1]), int(sizes.iloc[-1])))
    return sorted(usable, key=lambda column: _likeliness(column, obs))


def _whole_numbers(column: pd.Series) -> bool:
    values = column.dropna().to_numpy()
    return bool(values.size) and bool((values == np.rint(values)).all())


def _likeliness(column: LabelColumn, obs: pd.DataFrame) -> tuple[int, bool]:
    name = column.name.lower()
    rank = next((i for i, word in enumerate(_LIKELY) if word in name), len(_LIKELY))
    return rank, obs[column.name].dtype.kind in "iufb"


def require_task(obs: pd.DataFrame, task: RareTask) -> RareLabels:
    """Find the rare cells of a task, or say why it cannot be done.

    Parameters
    ----------
    obs : pandas.DataFrame
        One row per cell.
    task : RareTask
        Label column and rare type.

    Returns
    -------
    RareLabels

    Raises
    ------
    DataError
        ``E-LABEL-COLUMN`` (no such column) or ``E-LABEL-ONE-TYPE`` (nothing to tell apart).
    ParameterError
        ``E-RARE-UNKNOWN`` (no such type) or ``E-RARE-ONE`` (a single rare cell).
    """
    labels = require_label_column(obs, task.label)
    rows = np.flatnonzero(labels.notna().to_numpy())
    is_rare = (labels.iloc[rows] == task.rare).to_numpy()
    types = sorted(labels.dropna().unique())
    if not is_rare.any():
        raise ParameterError(
            f"`rare` must be a type of column {task.label!r}. No cell has {task.rare!r}.",
            code="E-RARE-UNKNOWN",
            next_step=f"Choose one of: {', '.join(types[:12])}{' …' if len(types) > 12 else '.'}",
        )
    if is_rare.sum() == 1:
        raise ParameterError(
            f"`rare` must name a type of 2 or more cells. {task.rare!r} has a single cell.",
            code="E-RARE-ONE",
            next_step="Choose a type with at least 2 cells; from 5 cells on scores can be shown.",
        )
    return RareLabels(rows, is_rare)


def require_label_column(obs: pd.DataFrame, name: str) -> pd.Series:
    """Return a label column's clean labels, or say why it cannot be used.

    Raises
    ------
    DataError
        ``E-LABEL-COLUMN`` or ``E-LABEL-ONE-TYPE``.
    """
    if name not in obs.columns:
        usable = [column.name for column in find_label_columns(obs)]
        raise DataError(
            f"`label` must be a column of the dataset. There is no column {name!r}.",
            code="E-LABEL-COLUMN",
            next_step="Choose one of: " + ", ".join(usable) if usable else _ADD_LABELS,
        )
    labels = clean_labels(obs[name])
    types = labels.dropna().unique()
    if len(types) < 2:
        what = f"only the type {types[0]!r}" if len(types) else "no labels at all"
        raise DataError(
            f"Column {name!r} has {what}: there is nothing to tell apart.",
            code="E-LABEL-ONE-TYPE",
            next_step="Choose a column with two or more cell types.",
        )
    return labels


_ADD_LABELS = "Add a column with two or more cell types to `obs` and load the file again."
