"""What came out of runs, in a few words, and the scores of several trainings side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from core.jobs.schema import Event, Run, State
from core.search.words import outcome_words
from core.summary import CrossValidation
from core.text import percent_text
from core.wording import count, method_label

__all__ = ["are_comparable", "best_method", "fold_table", "outcome", "score_table"]


def are_comparable(runs: Sequence[Run]) -> bool:
    """Whether scores were computed on the same cells with the same rare type."""
    asked = [(run.config["dataset"], run.config["task"]) for run in runs]
    return all(one == asked[0] for one in asked)


def best_method(result: CrossValidation) -> str:
    """Name the recommended method, or the one with the highest F1 where none is."""
    return result.recommended or str(result.table["f1_mean"].idxmax())


def fold_table(events: Sequence[Event]) -> pd.DataFrame:
    """Put what a training has reported of its folds into a table, one row per fold and method."""
    return pd.DataFrame([event.payload for event in events if event.kind == "fold"])


def score_table(results: Mapping[str, CrossValidation]) -> pd.DataFrame:
    """Put the scores of several trainings under each other, the same methods together.

    Parameters
    ----------
    results : mapping of str to CrossValidation
        By the name of the run.

    Returns
    -------
    DataFrame
        Columns ``run``, ``method``, ``recommended``, ``n_rare`` and for ``precision``, ``recall``,
        ``f1`` and ``average_precision`` (0–1) the mean over repeats and ``…_low`` and ``…_high``,
        an approximate 95 % interval; NaN for the precision of a method that called no cell.
    """
    methods = list(
        dict.fromkeys(name for result in results.values() for name in result.table.index)
    )
    rows = [
        {"run": run, "method": name, "recommended": name == result.recommended}
        | _scores(result.table.loc[name])
        for name in methods
        for run, result in results.items()
        if name in result.table.index
    ]
    return pd.DataFrame(rows)


def outcome(run: Run) -> str:
    """Say in a few words what came out of a finished run; empty when it is not done."""
    if run.state is not State.DONE or not run.summary:
        return ""
    tell = _OUTCOMES.get(run.kind)
    return tell(run.summary) if tell else ""


def _trained(summary: dict[str, Any]) -> str:
    if not summary["n_folds"]:
        return "No scores: too few rare cells"
    best = summary["recommended"]
    return f"Recommended: {method_label(best)}" if best else "No method is better than chance"


def _found(summary: dict[str, Any]) -> str:
    if "question" in summary:
        return "Waits for an answer"
    return f"{count(summary['n_cells'])} cells × {count(summary['n_genes'])} genes"


_OUTCOMES = {
    "read": _found,
    "layout": lambda found: f"{count(found['n_cells'])} cells",
    "markers": lambda found: f"{count(found['n_markers'])} markers",
    "train": _trained,
    "explore": outcome_words,
    "synthetic": lambda found: f"Variance kept: {percent_text(found['variance_kept'])}",
    "import_model": lambda found: found["title"],
    "annotate": lambda found: f"{count(found['n_called'])} cells called",
}


def _scores(row: pd.Series) -> dict[str, float]:
    scores: dict[str, float] = {"n_rare": int(row["n_rare"])}
    for name in ("precision", "recall", "f1", "average_precision"):
        scores |= {name: row[f"{name}_mean"]}
        scores |= {f"{name}_{end}": row[f"{name}_{end}"] for end in ("low", "high")}
    if not row["tp"] + row["fp"]:
        scores |= dict.fromkeys(("precision", "precision_low", "precision_high"), float("nan"))
    return scores
