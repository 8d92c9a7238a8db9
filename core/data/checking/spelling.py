"""Labels that mean nothing, and labels that mean the same: offered to the user, never presumed.

A label such as "unknown" may be a type that somebody wants to find, and "T cell" may differ from
"t cell" for a reason. So both are said, nothing is changed, and one answer changes it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import pandas as pd

from core.data.checking.text import counted, listed, quoted
from core.data.choices import Choices
from core.data.column_names import names_sample
from core.data.labels import LabelColumn, clean_labels, is_number_column
from core.errors import Finding

__all__ = ["merge_spellings", "placeholders", "say_missing"]

_NO_LABEL = {
    "nan", "na", "n/a", "none", "null", "unknown", "unk", "unassigned", "unannotated",
    "unlabelled", "unlabeled", "not assigned", "not annotated", "undefined", "missing", "?", "-",
}  # fmt: skip
_NO_PART = "Cells without a label take no part in training"
EMPTY = "no-label"
MERGE = "merge"


def placeholders(labels: pd.Series) -> pd.Series:
    """Cells per label that may stand for no label, largest first.

    Examples
    --------
    >>> placeholders(pd.Series(["NA", "beta", "unknown", "NA"])).to_dict()
    {'NA': 2, 'unknown': 1}
    """
    sizes = labels.value_counts()
    return sizes[[_plain_words(label) in _NO_LABEL for label in sizes.index]]


def _plain_words(label: str) -> str:
    return " ".join(label.casefold().replace("_", " ").split())


def say_missing(
    obs: pd.DataFrame, columns: Sequence[LabelColumn], choices: Choices
) -> list[Finding]:
    """Count cells without a label; offer to take labels such as "NA" for none, in place.

    Returns
    -------
    list of Finding
        ``W-LABELS-MISSING`` (an offer, by way of `choices`, where there is something to offer),
        ``F-LABELS-EMPTIED``.
    """
    gaps, fillers = [], {}
    for column in columns:
        labels = clean_labels(obs[column.name])
        if n := int(labels.isna().sum()):
            gaps.append(f"{n:,} in {column.name!r}")
        found = placeholders(labels)
        if len(found) and not is_number_column(obs[column.name]):
            fillers[column.name] = found
    if not gaps and not fillers:
        return []
    said = _sentence(len(obs), gaps, fillers)
    if not fillers:
        return [Finding("W-LABELS-MISSING", said, f"{_NO_PART}.")]
    labels = dict.fromkeys(label for found in fillers.values() for label in found.index)
    names = listed(map(quoted, labels))
    answer = choices.ask(
        "W-LABELS-MISSING",
        said,
        {EMPTY: f"Take {names} for no label."},
        next_step=f"{_NO_PART}; say whether these have none.",
    )
    return _emptied(obs, fillers, names) if answer == EMPTY else []


def _sentence(n_cells: int, gaps: list[str], fillers: dict[str, pd.Series]) -> str:
    first = ""
    if gaps:
        more = f" and {len(gaps) - 3:,} more columns" if len(gaps) > 3 else ""
        first = f"Of {n_cells:,} cells, some have no label: {', '.join(gaps[:3])}{more}."
    if not fillers:
        return first
    parts = [
        f"{quoted(label)} of {counted(n, 'cell')} in {quoted(name)}"
        for name, found in fillers.items()
        for label, n in found.items()
    ]
    return f"{first} Labels that may stand for none: {listed(parts)}.".strip()


def _emptied(obs: pd.DataFrame, fillers: dict[str, pd.Series], names: str) -> list[Finding]:
    for name, found in fillers.items():
        labels = clean_labels(obs[name])
        obs[name] = pd.Categorical(labels.where(~labels.isin(found.index), None))
    n = sum(int(found.sum()) for found in fillers.values())
    message = f"{counted(n, 'label')} ({names}) were taken for none, as you chose."
    return [Finding("F-LABELS-EMPTIED", message)]


def merge_spellings(
    obs: pd.DataFrame, columns: Sequence[LabelColumn], choices: Choices
) -> list[Finding]:
    """Offer to merge labels that differ in case, spaces and underscores alone, in place.

    Each group takes the spelling that most of its cells have.

    Returns
    -------
    list of Finding
        ``F-LABELS-MERGED`` once the offer ``W-LABEL-VARIANTS`` was taken up.
    """
    found = {}
    for column in columns:
        if not is_number_column(obs[column.name]) and not names_sample(str(column.name)):
            changes = _variants(clean_labels(obs[column.name]))
            if changes:
                found[column.name] = changes
    if not found:
        return []
    pairs = [
        f"{quoted(other)} and {quoted(kept)}"
        for changes in found.values()
        for other, kept in changes.items()
    ]
    answer = choices.ask(
        "W-LABEL-VARIANTS",
        f"Labels of {listed(map(quoted, found))} differ only in case, spaces or underscores: "
        f"{listed(pairs)}.",
        {MERGE: "Take them for the same type, under the spelling that most cells have."},
        next_step="Merge them if they are the same type.",
    )
    if answer != MERGE:
        return []
    for name, changes in found.items():
        obs[name] = pd.Categorical(clean_labels(obs[name]).replace(changes))
    n = sum(map(len, found.values()))
    message = f"{counted(n, 'label')} were merged with other spellings, as you chose: "
    return [Finding("F-LABELS-MERGED", f"{message}{listed(pairs)}.")]


def _variants(labels: pd.Series) -> dict[str, str]:
    """For each rarer spelling, the commonest one of the same label."""
    kept: dict[str, str] = {}
    changes = {}
    sizes = labels.value_counts()
    for label in sorted(sizes.index, key=lambda label: (-sizes[label], label)):
        usual = kept.setdefault(_form(label), label)
        if usual != label:
            changes[label] = usual
    return changes


def _form(label: str) -> str:
    text = unicodedata.normalize("NFC", label).casefold()
    # A label of nothing but these signs is only equal to itself.
    return "".join(letter for letter in text if not letter.isspace() and letter != "_") or label
