"""Columns of a table of cells that a file can hold, but no page and no .h5ad can."""

from __future__ import annotations

import hashlib

import pandas as pd

from core.data.checking.text import counted
from core.data.genes import make_names_unique
from core.errors import Finding

__all__ = ["LONGEST_LABEL", "shortened", "tidy_columns"]

MOST_COLUMNS = 2000
LONGEST_NAME = 200
LONGEST_LABEL = 500
# Names that .h5ad files keep for themselves, or cannot have at all.
_RESERVED = {"", ".", "..", "_index"}


def tidy_columns(obs: pd.DataFrame) -> tuple[pd.DataFrame, list[Finding]]:
    """Give every column a name that can be kept, and cut what is endless.

    Parameters
    ----------
    obs : pandas.DataFrame
        One row per cell; left unchanged.

    Returns
    -------
    obs : pandas.DataFrame
        At most 2,000 columns; names are text of 1 to 200 letters, each there once, and no label
        has more than 500 letters.
    findings : list of Finding
        ``F-COLUMNS-TIDIED``, ``W-COLUMNS-LEFT-OUT``.
    """
    findings = []
    if obs.shape[1] > MOST_COLUMNS:
        findings.append(
            Finding(
                "W-COLUMNS-LEFT-OUT",
                f"Of {obs.shape[1]:,} columns about the cells, {MOST_COLUMNS:,} were read.",
                "Check whether these are genes in truth, and the table has another orientation.",
            )
        )
    obs = obs.iloc[:, :MOST_COLUMNS].copy()
    old = obs.columns.astype(str)
    new, _ = make_names_unique(pd.Index([_usable(name) for name in old], dtype=object))
    n_named = sum(name.replace("/", "∕") != now for name, now in zip(old, new, strict=True))
    obs.columns = new
    n_cut = 0
    for name in obs.columns:
        if not pd.api.types.is_numeric_dtype(obs[name].dtype):
            cut = _cut_labels(obs[name])
            n_cut += cut is not obs[name]
            obs[name] = cut
    if n_named or n_cut:
        findings.append(
            Finding(
                "F-COLUMNS-TIDIED",
                f"{counted(n_named, 'column')} about the cells had no usable name and got one, and "
                f"in {counted(n_cut, 'column')} endless labels were cut.",
            )
        )
    return obs, findings


def shortened(name: str, longest: int) -> str:
    """Cut a name that is too long; what is cut off stays told apart by 8 digits of its digest.

    Examples
    --------
    >>> shortened("beta", 20), len(shortened("b" * 300, 20))
    ('beta', 20)
    """
    if len(name) <= longest:
        return name
    return f"{name[: longest - 9]}…{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _usable(name: str) -> str:
    name = shortened(name, LONGEST_NAME).replace("/", "∕").replace("\0", "")
    return f"column {name}".strip() if name.strip() in _RESERVED else name


def _cut_labels(column: pd.Series) -> pd.Series:
    values = column.cat.categories if isinstance(column.dtype, pd.CategoricalDtype) else column
    texts = {value for value in values.dropna().unique() if isinstance(value, str)}
    cuts = {text: shortened(text, LONGEST_LABEL) for text in texts if len(text) > LONGEST_LABEL}
    if not cuts:
        return column
    return column.astype(object).map(lambda value: cuts.get(value, value))
