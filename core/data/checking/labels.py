"""What is odd about labels, and what is done about it where the user says so."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import pandas as pd

from core.data.checking.columns import tidy_columns
from core.data.checking.spelling import merge_spellings, placeholders, say_missing
from core.data.checking.text import counted, listed, quoted
from core.data.choices import Choices
from core.data.column_names import label_rank, names_sample
from core.data.labels import (
    MAX_TYPES,
    LabelColumn,
    clean_labels,
    find_label_columns,
    find_sample_columns,
    is_number_column,
)
from core.errors import Finding

__all__ = ["NO_COLUMN", "check_labels", "likely_labels"]

_FEW = 10
_ENOUGH_CELLS = 10
# More than anybody would look through; the likeliest come first.
_MOST_OPTIONS = 50
NO_COLUMN = "none"


def check_labels(obs: pd.DataFrame, choices: Choices) -> tuple[pd.DataFrame, list[Finding]]:
    """Repair labels where that is safe or asked for, and say what is odd about them.

    Parameters
    ----------
    obs : pandas.DataFrame
        One row per cell; left unchanged.
    choices : Choices
        Asked ``C-LABEL-COLUMN``, offered ``W-LABELS-MISSING`` and ``W-LABEL-VARIANTS``.

    Returns
    -------
    obs : pandas.DataFrame
        With what the user chose taken up; names of its columns are text, and each is there once.
    findings : list of Finding
        ``F-COLUMNS-TIDIED``, ``W-COLUMNS-LEFT-OUT``, ``F-LABEL-UNUSED``,
        ``F-LABELS-EMPTIED``, ``F-LABELS-MERGED``, ``W-LABELS-MISSING``,
        ``W-LABEL-FEW``, ``W-LABEL-UNIQUE``, ``W-LABEL-IS-BATCH``.
    """
    obs, findings = tidy_columns(obs)
    findings += _drop_unused(obs)
    chosen = _ask_column(obs, choices)
    if chosen is not None:
        obs[chosen] = pd.Categorical(clean_labels(obs[chosen]))
    columns = find_label_columns(obs)
    findings += merge_spellings(obs, columns, choices)
    findings += say_missing(obs, columns, choices)
    findings += _unique(obs)
    if (name := _likely(obs)) is not None:
        findings += [*_few(obs, name), *_batch(obs, name)]
    else:
        findings += _samples_only(obs)
    return obs, findings


def likely_labels(obs: pd.DataFrame) -> pd.Series | None:
    """Labels of the column that most likely holds the cell types, ``None`` without one."""
    name = _likely(obs)
    return None if name is None else clean_labels(obs[name])


def _likely(obs: pd.DataFrame) -> str | None:
    names = (column.name for column in find_label_columns(obs))
    return next((name for name in names if not names_sample(str(name))), None)


def _drop_unused(obs: pd.DataFrame) -> list[Finding]:
    said = []
    for name in obs.columns:
        if not isinstance(obs[name].dtype, pd.CategoricalDtype):
            continue
        used = obs[name].cat.remove_unused_categories()
        unused = obs[name].cat.categories.difference(used.cat.categories, sort=False)
        if len(unused):
            obs[name] = used
            said.append(f"{len(unused):,} of {quoted(name)} ({_names(unused)})")
    if not said:
        return []
    return [Finding("F-LABEL-UNUSED", f"Labels that no cell has were dropped: {listed(said)}.")]


def _names(labels: Iterable[object]) -> str:
    return listed(quoted(label) for label in labels)


def _ask_column(obs: pd.DataFrame, choices: Choices) -> Hashable | None:
    """Ask which column of numbers holds the types, when no text can."""
    columns = [c for c in find_label_columns(obs) if not names_sample(str(c.name))]
    if not columns or not all(is_number_column(obs[c.name]) for c in columns):
        return None
    columns = columns[:_MOST_OPTIONS]
    names = {str(column.name): column.name for column in columns}
    options = {str(column.name): _meaning(column) for column in columns}
    options[NO_COLUMN] = "No column holds cell types: use the file as a query."
    likely = label_rank(str(columns[0].name)) < label_rank("")
    answer = choices.ask(
        "C-LABEL-COLUMN",
        f"Columns that may hold cell types hold numbers: {_names(c.name for c in columns)}.",
        options,
        suggested=str(columns[0].name) if likely else NO_COLUMN,
        next_step="Choose the column that holds clusters or cell types.",
    )
    return None if answer == NO_COLUMN else names[answer]


def _meaning(column: LabelColumn) -> str:
    return (
        f"Numbers in {quoted(column.name)} are cell types: {column.n_types:,} of them, the "
        f"smallest with {counted(column.smallest_size, 'cell')}."
    )


def _few(obs: pd.DataFrame, name: str) -> list[Finding]:
    labels = clean_labels(obs[name])
    sizes = labels.value_counts().drop(placeholders(labels).index)
    few = sizes[sizes < _FEW]
    if not len(few):
        return []
    some = listed(f"{quoted(kind)} ({n:,})" for kind, n in few[::-1].items())
    types = "1 type has" if len(few) == 1 else f"{len(few):,} types have"
    single = " A type of one cell cannot be trained." if few.iloc[-1] == 1 else ""
    return [
        Finding(
            "W-LABEL-FEW",
            f"{types} fewer than {_FEW} cells in {quoted(name)}: {some}.",
            "From 5 cells on, scores can be shown, with a wide margin; from 2 on, a model can be "
            "trained." + single,
        )
    ]


def _unique(obs: pd.DataFrame) -> list[Finding]:
    if len(obs) < _ENOUGH_CELLS:
        return []
    for name in obs.columns:
        if label_rank(str(name)) < label_rank("") and not names_sample(str(name)):
            labels = clean_labels(obs[name]).dropna()
            is_text = not is_number_column(obs[name])
            if is_text and len(labels) >= _ENOUGH_CELLS and labels.nunique() > 0.9 * len(labels):
                return [_unique_finding(name, labels.nunique(), len(labels))]
    return []


def _unique_finding(name: str, n_labels: int, n_cells: int) -> Finding:
    too_many = n_labels > MAX_TYPES
    return Finding(
        "W-LABEL-UNIQUE",
        f"Column {quoted(name)} has {n_labels:,} different labels for {n_cells:,} cells: they "
        "look like names of cells, not like types.",
        "See whether the right column was exported under this name."
        + (f" Columns of more than {MAX_TYPES} types are not offered." if too_many else ""),
    )


def _samples_only(obs: pd.DataFrame) -> list[Finding]:
    columns = find_label_columns(obs)
    if not columns:
        return []
    return [
        Finding(
            "W-LABEL-IS-BATCH",
            f"Only {_names(column.name for column in columns)} could hold cell types, and by the "
            "name these are samples.",
            "Load the file together with a table of its cells and their types.",
        )
    ]


def _batch(obs: pd.DataFrame, name: str) -> list[Finding]:
    labels = clean_labels(obs[name])
    for sample in find_sample_columns(obs):
        pairs = pd.DataFrame({"a": labels, "b": clean_labels(obs[sample])}).dropna()
        n_pairs = len(pairs.drop_duplicates())
        if n_pairs > 1 and n_pairs == pairs["a"].nunique() == pairs["b"].nunique():
            return [
                Finding(
                    "W-LABEL-IS-BATCH",
                    f"Each label of {quoted(name)} belongs to one value of {quoted(sample)} and "
                    "the other way round: types cannot be told from differences between samples.",
                    "Choose another label column, or a reference in which samples share types.",
                )
            ]
    return []
