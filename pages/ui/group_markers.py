"""Scores of all cells, and the markers of called, unsure and other cells beside the reference's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from core.annotation import Annotation
from core.plots import (
    ACCENT,
    ACCENT_DARK,
    OTHER_DARK,
    OTHER_LIGHT,
    RARE,
    UNSURE,
    marker_dotplot,
    marker_violins,
    score_histogram,
)
from core.text import call_words
from pages.ui.figures import figure, is_dark

__all__ = ["draw_histogram", "draw_markers"]

N_VIOLINS, N_DOTS = 10, 20


def draw_histogram(run_id: str, result: Annotation) -> None:
    """Draw how many cells have which score."""
    st.markdown("**Scores of all cells**")
    scores, calls = result.table["score"].to_numpy(), result.table["call"].to_numpy()
    figure(
        score_histogram,
        scores,
        result.threshold,
        rare=result.rare,
        calls=calls,
        key=f"histogram.{run_id}",
    )


def draw_markers(run_id: str, result: Annotation) -> None:
    """Draw the model's markers in the groups of the query and in the reference's rare cells."""
    st.markdown("**Markers** in called, unsure and all other cells, beside the reference's")
    if not result.n_called:
        st.info(
            "No cell is called: the others stand beside the reference's rare cells.",
            icon=":material/info:",
        )
    genes = list(result.genes.found[:N_DOTS])
    values, groups = _with_reference(result, genes)
    reference = groups[-1]
    grey = OTHER_DARK if is_dark() else OTHER_LIGHT
    colours = {"called": RARE, "unsure": UNSURE, "rest": grey}
    colours[reference] = ACCENT_DARK if is_dark() else ACCENT
    order = [name for name in colours if (groups == name).any()]
    figure(
        marker_violins,
        values[genes[:N_VIOLINS]],
        groups,
        order=order,
        colours=colours,
        key=f"violins.{run_id}",
    )
    figure(
        marker_dotplot,
        _profile(values, groups, order),
        rare=reference,  # in the first row, to be compared with
        rows="groups of cells",
        key=f"dots.{run_id}",
    )


def _with_reference(result: Annotation, genes: list[str]) -> tuple[pd.DataFrame, np.ndarray]:
    """Expression of the query's cells and, after them, of the reference's rare ones; their groups.

    The last group is that of the reference; none of the query's is ever called so.
    """
    model, (_, unsure) = result.model, call_words(result.rare)
    places = [model.genes.index(gene) for gene in genes]
    rare = model.training_values[model.training_is_rare][:, places]
    values = np.vstack([result.dataset.expression(genes), rare])
    calls = result.table["call"].to_numpy()
    groups = np.where(calls == result.rare, "called", np.where(calls == unsure, "unsure", "rest"))
    reference = np.full(len(rare), f"{result.rare} of the reference", dtype=object)
    return pd.DataFrame(values, columns=genes), np.concatenate([groups.astype(object), reference])


def _profile(values: pd.DataFrame, groups: np.ndarray, order: list[str]) -> pd.DataFrame:
    """Fraction of expressing cells and mean of every gene in every group."""
    means, fractions = values.groupby(groups).mean(), (values > 0).groupby(groups).mean()
    return pd.DataFrame(
        [
            (gene, name, fractions.loc[name, gene], means.loc[name, gene])
            for name in order
            for gene in values.columns
        ],
        columns=["gene", "type", "fraction", "mean"],
    )
