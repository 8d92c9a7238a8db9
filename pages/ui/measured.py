"""Clusters of a query with their names, and how differently its genes are measured."""

from __future__ import annotations

import streamlit as st

from core.annotation import Annotation
from core.plots import gene_shift
from pages.ui.figures import figure
from pages.ui.widgets import beside, number_columns

__all__ = ["draw_clusters", "draw_shift"]


def draw_clusters(run_id: str, result: Annotation) -> None:
    """Fold away a table of the query's clusters, each named by two votes."""
    box = st.expander(
        "Clusters",
        icon=":material/bubble_chart:",
        key=f"clusters.{run_id}",
        on_change="rerun",  # nothing in it is computed before it is opened
    )
    if not box.open:
        return
    table = result.clusters().sort_values("n_called", ascending=False, kind="stable")
    table = table.reset_index()
    numbers = {
        "cluster": ("Cluster", "%d", None),
        "n_cells": ("Cells", "localized", None),
        "n_called": ("Called", "localized", f"Cells that are called {result.rare}."),
        "share_by_calls": ("Share of calls", "%.3f", "Part of the cells that are called so."),
        "share_by_probability": ("Share of the sum", "%.3f", "Part of the summed probabilities."),
    }
    names = {"by_calls": "Most frequent call", "by_probability": "Highest sum of probabilities"}
    with box:
        st.caption(
            "Clusters of the query's own graph, those with the most called cells first, each named "
            "in two ways. To have whole clusters called so, choose that above, under How calls are "
            "carried over."
        )
        st.dataframe(
            table,
            hide_index=True,
            key=f"cluster-table.{run_id}",
            column_config=number_columns(numbers) | names,
            alt=f"Table of {len(table)} clusters with the names that two votes give them",
        )


def draw_shift(run_id: str, result: Annotation) -> None:
    """Fold away how far apart the means of each gene are in reference and query."""
    box = st.expander(
        "How differently genes are measured",
        icon=":material/compare_arrows:",
        key=f"shift.{run_id}",
        on_change="rerun",
    )
    if not box.open:
        return
    cells = result.transfer.cells
    falling = cells.shift["shift"].abs().sort_values(ascending=False, kind="stable").index
    mean, detected = "Mean of log1p of counts per 10,000.", "Share of cells with expression."
    numbers = {
        "shift": ("Shift (SD)", "%+.2f", "Difference of the means in standard deviations."),
        "mean_reference": ("Mean, reference", "%.3f", mean),
        "mean_query": ("Mean, query", "%.3f", mean),
        "detected_reference": ("Detected, reference", "%.3f", detected),
        "detected_query": ("Detected, query", "%.3f", detected),
    }
    with box:
        st.caption(
            "Before anything was made comparable. Part of it is the mix of types, which differs "
            "between samples, and part is how each lab measures."
        )
        left, right = beside([1, 1], key="shift")
        with left:
            figure(
                gene_shift,
                cells.shift,
                n_markers=cells.n_markers,
                rare=result.rare,
                key=f"shift-figure.{run_id}",
            )
        right.dataframe(
            cells.shift.loc[falling],
            hide_index=True,
            height=480,
            key=f"shift-table.{run_id}",
            column_order=["gene", *numbers],
            column_config={"gene": st.column_config.TextColumn("Gene", pinned=True, width=110)}
            | number_columns(numbers),
            alt="Table of all compared genes, the largest shift first",
        )
