"""Trainings side by side: settings that differ, scores with intervals, curves in one plot."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.jobs import Run, State
from core.jobs.history import are_comparable, best_method, score_table
from core.jobs.settings import differences
from core.plots import MOST_RUNS, RunCurve, compare_runs
from core.summary import CrossValidation
from core.wording import method_label
from pages.ui import cache
from pages.ui.figures import figure
from pages.ui.messages import plain
from pages.ui.particulars import dataset_names
from pages.ui.widgets import local_time

__all__ = ["compare"]

SCORES = {
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "average_precision": "Average precision",
}
_BEST = "best"


def compare(runs: list[Run]) -> None:
    """Compare the trainings among two or more ticked runs, oldest first."""
    trainings = [run for run in reversed(runs) if run.kind == "train"]
    done = [run for run in trainings if run.state is State.DONE]
    if len(trainings) < 2:
        st.caption("Tick two to five trainings to compare them.")
        return
    st.subheader("Compared", anchor=False)
    if len(done) > MOST_RUNS:
        st.info(
            f"Up to {MOST_RUNS} trainings can be compared. {len(done)} are ticked: "
            "untick some of them.",
            icon=":material/rule:",
        )
        return
    names = run_names(trainings)
    for run in trainings:
        if run.state is not State.DONE:
            sentence = f"{plain(names[run.id])} is {run.state}: it has nothing to compare."
            st.info(sentence, icon=":material/info:")
    if len(done) < 2:
        return
    _draw_differences(done, names)
    scored = {run.id: cache.cross_validation(run.id) for run in done if run.summary["n_folds"]}
    for run in done:
        if run.id not in scored:
            sentence = f"{plain(names[run.id])} has no scores. {plain(run.summary['reason'] or '')}"
            st.info(sentence, icon=":material/info:")
    if not are_comparable([run for run in done if run.id in scored]):
        st.warning(
            "These trainings are of different data or different rare types: their scores cannot "
            "be compared with each other.",
            icon=":material/warning:",
        )
    if scored:
        results = {names[run_id]: result for run_id, result in scored.items()}
        _draw_scores(results)
        _draw_curves(results)


def run_names(runs: list[Run]) -> dict[str, str]:
    """Name each run by its title; those that share one have their time before it.

    Runs that are made one after another share their title more often than not, and long names are
    cut at their end.
    """
    titles, names = Counter(run.title for run in runs), {}
    for run in runs:
        name = title = run.title or "Without a title"
        when, number = f"{local_time(run.started or run.created):%d %b %H:%M}", 1
        if titles[run.title] > 1:
            name = f"{when} · {title}"
        while name in names.values():
            number += 1
            name = f"{when} ({number}) · {title}"
        names[run.id] = name
    return names


def _draw_differences(runs: list[Run], names: dict[str, str]) -> None:
    table = differences(runs, dataset_names(runs))
    if table.empty:
        st.markdown("All settings are the same.")
        return
    st.markdown("**Settings that differ**")
    shown = table.rename(columns=names).rename_axis("Setting")
    columns = {name: st.column_config.TextColumn(width="medium") for name in shown}
    st.dataframe(shown, column_config=columns, alt="Settings that differ")


def _draw_scores(results: dict[str, CrossValidation]) -> None:
    table = score_table(results)
    best = np.where(table["recommended"], " ★", "")
    methods = [method_label(name) for name in table["method"]]
    shown = pd.DataFrame({"Method": np.char.add(methods, best), "Run": table["run"]})
    shown["Rare cells"] = table["n_rare"]
    for name, label in SCORES.items():
        shown[label] = table[name]
        shown[f"{label}: 95 %"] = [
            f"{low:.2f} to {high:.2f}" if np.isfinite(low) else "–"
            for low, high in table[[f"{name}_low", f"{name}_high"]].to_numpy()
        ]
    st.markdown("**Scores**, the same methods together")
    st.dataframe(
        shown,
        hide_index=True,
        column_config=_columns(),
        height=38 + 35 * min(len(shown), 20),
        placeholder="–",
        alt=f"Scores of {len(results)} runs",
    )
    st.caption(
        "★ is the recommended method of a run. Means over the repeats, with approximate 95 % "
        "intervals. They rest on the number of different rare cells, whatever the number of folds "
        "and repeats."
    )


def _columns() -> dict[str, Any]:
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    columns: dict[str, Any] = {
        "Method": text(width=130, pinned=True),
        "Run": text(width=200, pinned=True),
        "Rare cells": number(format="localized", width=85),
    }
    for label in SCORES.values():
        columns[label] = number(format="%.3f", width=140 if " " in label else 75)
        columns[f"{label}: 95 %"] = text("95 % interval", width=110)
    return columns


def _draw_curves(results: dict[str, CrossValidation]) -> None:
    methods = list(
        dict.fromkeys(name for result in results.values() for name in result.table.index)
    )
    st.markdown("**Precision and recall at every threshold**")
    method = st.selectbox(
        "Method",
        [_BEST, *methods],
        format_func=lambda name: "The best of each run" if name == _BEST else method_label(name),
        key=f"runs.method.{hash(tuple(methods))}",
        help="The best is the recommended one; where none is, the one with the highest F1.",
    )
    curves = {
        name: _curve(result, best_method(result) if method == _BEST else method)
        for name, result in results.items()
        if method == _BEST or method in result.table.index
    }
    if without := [plain(name) for name in results if name not in curves]:
        st.caption(f"Without this method: {', '.join(without)}.")
    figure(compare_runs, curves, key="compared")


def _curve(result: CrossValidation, method: str) -> RunCurve:
    row = result.table.loc[method]
    recall, precision = result.out_of_fold[method].precision_recall()
    average, n_rare = float(row["average_precision_mean"]), int(row["n_rare"])
    return RunCurve(method, recall, precision, average, result.prevalence, n_rare)
