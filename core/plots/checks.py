"""What a figure needs to hold of its data before it is drawn."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from core.errors import ParameterError

__all__ = ["check_columns", "check_coordinates", "check_labels", "check_shares", "refuse"]


def refuse(name: str, required: str, got: str, next_step: str = "") -> ParameterError:
    """Make the error that says what parameter `name` must be and what came instead."""
    return ParameterError(
        f"`{name}` must {required}. Got {got}.",
        code="E-PARAMETER",
        next_step=next_step or f"Pass another `{name}`.",
    )


def check_coordinates(xy: object, name: str = "xy") -> np.ndarray:
    """Return map coordinates as float32, shape (n, 2), all finite; a copy, never the input.

    Raises
    ------
    ParameterError
        When the shape is another or a value is missing.
    """
    array = np.array(xy, dtype=np.float32)
    if array.ndim != 2 or array.shape[1] != 2:
        raise refuse(name, "have two columns, one row per cell", f"shape {array.shape}")
    if not np.isfinite(array).all():
        raise refuse(name, "be finite", "missing or infinite coordinates")
    return array


def check_labels(labels: object, n: int, name: str) -> np.ndarray:
    """Return one text label per cell, shape (n,); a missing label becomes "unlabelled".

    Raises
    ------
    ParameterError
        When there are not `n` labels.
    """
    series = pd.Series(np.asarray(labels, dtype=object).ravel())
    if len(series) != n:
        raise refuse(name, f"have one label per cell ({n:,})", f"{len(series):,} labels")
    return series.where(series.notna(), "unlabelled").astype(str).to_numpy(dtype=object)


def check_shares(values: object, name: str, n: int | None = None) -> np.ndarray:
    """Return values as float, shape (n,), each from 0 to 1.

    Raises
    ------
    ParameterError
        When there are not `n` values, or one is missing or outside 0–1.
    """
    array = np.array(values, dtype=float)
    if array.ndim != 1 or (n is not None and len(array) != n):
        wanted = "have one number per cell" + ("" if n is None else f" ({n:,})")
        raise refuse(name, wanted, f"shape {array.shape}")
    outside = ~((array >= 0) & (array <= 1))
    if outside.any():
        raise refuse(name, "lie from 0 to 1", f"{array[outside][0]}")
    return array


def check_columns(table: pd.DataFrame, required: Iterable[str], name: str) -> None:
    """Check that a table has the columns a figure reads.

    Raises
    ------
    ParameterError
        When a column is missing; the message names it.
    """
    missing = [column for column in required if column not in table.columns]
    if missing:
        came = ", ".join(map(str, table.columns)) or "no columns"
        raise refuse(name, "have the columns " + ", ".join(missing), came)
