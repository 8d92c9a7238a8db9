"""One method of a finished training in detail: curve, calls, what they mean, calibration."""

from __future__ import annotations

import streamlit as st

from core.config import Method
from core.plots import ChosenPoint, confusion, precision_recall_curves, reliability_curve
from core.summary import CrossValidation
from core.text import count_text
from core.wording import method_label, threshold_words
from pages.ui import cache
from pages.ui.figures import figure
from pages.ui.messages import plain
from pages.ui.state import AppState
from pages.ui.thresholds import draw_outlook
from pages.ui.widgets import beside

__all__ = ["best_first", "counterpart", "draw_method"]


def best_first(result: CrossValidation) -> list[str]:
    """Methods of a training, that of the highest F1 first."""
    f1 = result.table["f1_mean"]
    return [str(name) for name in f1.sort_values(ascending=False, kind="stable").index]


def counterpart(result: CrossValidation, method: str) -> str | None:
    """Name what a method is best compared with, where there is such a one.

    It is the same classifier without oversampling, or the best way to oversample for it.
    """
    classifier = Method.parse(method).classifier
    others = [name for name in best_first(result) if Method.parse(name).classifier == classifier]
    others.remove(method)
    usual = str(Method("none", classifier))
    return usual if usual in others else next(iter(others), None)


def draw_method(run_id: str, result: CrossValidation, state: AppState) -> None:
    """Curve and calls of the method that is shown, and what they mean for a query."""
    methods = best_first(result)
    place, _ = st.columns([2, 5])
    method = place.selectbox(
        "Method shown",
        methods,
        index=methods.index(result.recommended or methods[0]),
        format_func=method_label,
        key=f"shown.{run_id}.{result.recommended}",  # anew when another goal has another best
    )
    left, right = beside([5, 4], key="curves")
    with left:
        _draw_curve(result, method)
    with right:
        _draw_calls(result, method)
    left, right = beside([5, 4], key="meaning")
    with left:
        st.subheader("What it means for a query", anchor=False)
        draw_outlook(result, method, state)
    with right:
        _draw_reliability(run_id, result, method)


def _draw_curve(result: CrossValidation, method: str) -> None:
    st.subheader("Precision and recall at every threshold", anchor=False)
    shown = [name for name in (counterpart(result, method), method) if name]
    curves = {
        name: (
            *result.out_of_fold[name].precision_recall(),
            result.table.loc[name, "average_precision_mean"],
        )
        for name in shown
    }
    threshold = result.thresholds[method]
    chosen = ChosenPoint(method, threshold.value, threshold.recall, threshold.precision)
    figure(
        precision_recall_curves, curves, prevalence=result.prevalence, chosen=chosen, key="curves"
    )
    words = plain(threshold_words(threshold))
    chosen_here = (
        ""
        if result.goal == "fixed"
        else " It was chosen on these very scores, and looks a little better here than it is; the "
        "table does not."
    )
    st.caption(f"The mark is the final model's threshold: cells are {words}.{chosen_here}")


def _draw_calls(result: CrossValidation, method: str) -> None:
    st.subheader("Calls", anchor=False)
    counts = result.table.loc[method, ["tp", "fp", "fn", "tn"]]
    counts = counts / result.table.loc[method, "n_repeats"]
    figure(confusion, *counts.tolist(), rare=result.task.rare, key="confusion")
    each = "" if result.goal == "fixed" else ", by the threshold chosen on the other folds"
    st.caption(f"Cells per repeat: every cell is tested once in each{each}.")


def _draw_reliability(run_id: str, result: CrossValidation, method: str) -> None:
    st.subheader("Are the scores probabilities?", anchor=False)
    sentence, table = cache.reliability(run_id, method)
    st.markdown(plain(sentence))
    figure(reliability_curve, table, rare=result.task.rare, key="reliability")
    bins = " · ".join(count_text(n) for n in table["n"])
    st.caption(
        f"Scores in each bin, from the left: {bins}. They are of cells that the training never "
        "saw, and shifted from the share of rare cells in "
        "training to that in the reference. On the dotted line a probability of 30 % means that "
        "3 of 10 such cells are rare. Both axes are stretched near 0, where nearly all cells are."
    )
