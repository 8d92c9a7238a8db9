"""Label columns: which can be used, and which cells are the rare ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.config import RareTask
from core.data.column_names import label_rank, names_measure, names_sample
from core.errors import DataError, ParameterError

__all__ = [
    "LabelColumn",
    "RareLabels",
    "clean_labels",
    "find_label_columns",
    "find_sample_columns",
    "is_number_column",
    "require_label_column",
    "require_task",
]

MAX_TYPES = 200
# Clusters have more cells than that; counts of genes and molecules mostly repeat by chance.
_CELLS_PER_NUMBER = 3


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
    codes, values = _distinct(column)
    texts = np.array([*map(_clean, values), None], dtype=object)
    return pd.Series(texts[codes], index=column.index, name=column.name, dtype=object)


def _distinct(column: pd.Series) -> tuple[npt.NDArray[np.integer], list[object]]:
    """Number the different values of a column; -1 for missing ones."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy(), list(column.cat.categories)
    if column.dtype == object and pd.api.types.infer_dtype(column, skipna=True) != "string":
        # Mixed values are not numbered, for 1 and True are equal and read differently.
        values = column.where(column.notna(), None).tolist()
        return np.arange(len(values)), values
    codes, values = pd.factorize(column)
    return codes, list(values)


def _clean(value: object) -> str | None:
    text = None if value is None else _as_text(value)
    return text if text and text.strip() else None


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
        Text before numbers, and within these columns with the name of cell types, then others,
        then those with the name of a sample. Numbers that are a measure of each cell, such as its
        number of genes, are left out.
    """
    usable = []
    for name in obs.columns:
        column = obs[name]
        if column.dtype.kind == "f" and not _whole_numbers(column):
            continue
        sizes = clean_labels(column).value_counts()
        if not 2 <= len(sizes) <= MAX_TYPES or sizes.iloc[0] == 1 or _is_measure(column, sizes):
            continue
        usable.append(LabelColumn(name, len(sizes), str(sizes.index[-1]), int(sizes.iloc[-1])))
    return sorted(usable, key=lambda column: _likeliness(column.name, obs))


def find_sample_columns(obs: pd.DataFrame) -> list[str]:
    """List the columns that say which sample, donor, batch or condition a cell is of.

    Parameters
    ----------
    obs : pandas.DataFrame
        One row per cell.

    Returns
    -------
    list of str
        By their names, with 2 or more values that five cells share on average.
    """
    found = []
    for name in obs.columns:
        if names_sample(str(name)):
            n = clean_labels(obs[name]).nunique()
            if 2 <= n <= max(2, len(obs) / 5):
                found.append(name)
    return found


def is_number_column(column: pd.Series) -> bool:
    """Whether a column holds numbers or truth values and no text."""
    return column.dtype.kind in "iufb"


def _is_measure(column: pd.Series, sizes: pd.Series) -> bool:
    if not is_number_column(column) or column.dtype.kind == "b":
        return False
    return names_measure(str(column.name)) or sizes.median() < _CELLS_PER_NUMBER


def _whole_numbers(column: pd.Series) -> bool:
    values = column.dropna().to_numpy()
    return bool(values.size) and bool((values == np.rint(values)).all())


def _likeliness(name: str, obs: pd.DataFrame) -> tuple[bool, bool, int]:
    return is_number_column(obs[name]), names_sample(str(name)), label_rank(str(name))


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


_ADD_LABELS = "Load the file together with a table of its cells and their types."
