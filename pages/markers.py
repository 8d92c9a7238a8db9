"""Choose the rare type, and see which genes mark it."""

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.config import MARKER_TESTS, config_to_dict
from core.data import Dataset, match_genes, parse_gene_list
from core.errors import ParameterError
from core.plots import marker_dotplot
from core.text import spreadsheet_text
from core.wording import frequency
from pages.ui import cache
from pages.ui.figures import figure
from pages.ui.following import begin, follow, is_running
from pages.ui.messages import plain, show_findings, show_problem
from pages.ui.state import AppState
from pages.ui.widgets import (
    beside,
    guard,
    header,
    next_page,
    number_columns,
    show_summary,
)

TESTS = {
    "wilcoxon": "Wilcoxon rank-sum test",
    "t-test": "t-test",
    "logreg": "logistic regression",
}
N_DOTS = 20


def choose_rare(column: DeltaGenerator, data: Dataset, state: AppState) -> None:
    """Select the rare type, rarest first; types of a single cell cannot be learned."""
    sizes = data.type_sizes(state.label)[::-1]
    total = int(sizes.sum())
    options = list(sizes.index)
    state.rare = column.selectbox(
        "Rare cell type",
        options,
        index=options.index(state.rare) if state.rare in options else None,
        format_func=lambda kind: f"{kind}: {frequency(int(sizes[kind]), total)}",
        placeholder="Choose the type to look for",
        key=state.key(f"rare.{state.label}"),
        persist_state="session",
    )


def choose_test(number: DeltaGenerator, test: DeltaGenerator, state: AppState) -> None:
    """Number of markers, and the test that ranks them."""
    state.n_markers = number.slider(
        "Number of markers",
        min(5, state.n_markers),
        max(200, state.n_markers),  # a run from a notebook may have more
        value=state.n_markers,
        key=state.key("n_markers"),
        persist_state="session",
    )
    state.marker_test = test.selectbox(
        "Marker test",
        MARKER_TESTS,
        index=MARKER_TESTS.index(state.marker_test),
        format_func=TESTS.get,
        key=state.key("marker_test"),
        persist_state="session",
    )


def choose_genes(data: Dataset, state: AppState) -> None:
    """Thresholds, or genes of the user's own."""
    with st.expander("Thresholds, or your own genes"):
        left, right, _ = st.columns([1, 1, 2])
        state.min_fraction = left.number_input(
            "Minimum fraction",
            0.0,
            1.0,
            value=state.min_fraction,
            step=0.05,
            key=state.key("min_fraction"),
            persist_state="session",
            help="A gene must be detected in this fraction of the rare cells or of the others "
            "(`min.pct` in Seurat).",
        )
        state.min_logfc = right.number_input(
            "Minimum log fold change",
            -10.0,
            10.0,
            value=state.min_logfc,
            step=0.05,
            key=state.key("min_logfc"),
            persist_state="session",
            help="Log2 fold change over all other cells (`logfc.threshold` in Seurat).",
        )
        text = st.text_area(
            "Your own genes",
            value=" ".join(state.genes or ()),
            placeholder="CD34, SPINK2, PRSS57 … or one gene per line",
            key=state.key("genes"),
            persist_state="session",
            help="When there are any, they are used instead of chosen markers.",
        )
    state.genes = parse_gene_list(text) or None
    if state.genes:
        show_findings(match_genes(data.genes, state.genes).findings())


def draw(data: Dataset, state: AppState, run) -> None:
    """Show the table of markers, and how they are expressed in all types."""
    table = cache.marker_table(run.id)
    made_by = run.config
    task, settings = made_by["task"], made_by["markers"]
    if (task, settings) != (config_to_dict(state.task), _plain(state)):
        st.warning("Settings changed: press `Find markers` again.", icon=":material/update:")
    st.subheader(f"{len(table)} markers of {plain(task['rare'])}", anchor=False)
    left, right = beside([4, 5], key="markers")
    with left:
        columns = number_columns(
            {
                "score": ("Score", "%.2f", "The test's statistic."),
                "logfc": ("Log2 FC", "%.2f", "Log2 fold change, rare cells over all others."),
                "pct_in": ("In", "%.2f", "Fraction of the rare cells that express it."),
                "pct_out": ("Others", "%.2f", "Fraction of all other cells that express it."),
                "pval_adj": ("Adj. p", "%.1e", "Benjamini–Hochberg over all genes."),
                "auc": ("AUC", "%.3f", "How well this gene alone separates; 0.5 is not at all."),
            }
        )
        columns["gene"] = st.column_config.TextColumn("Gene", pinned=True)
        st.dataframe(table, hide_index=True, height=500, column_config=columns)
        st.download_button(
            "Markers (CSV)",
            data=lambda: _as_csv(table),
            file_name="needle_markers.csv",
            mime="text/csv",
            on_click="ignore",
            icon=":material/download:",
        )
    with right:
        genes = tuple(table["gene"][:N_DOTS])
        profile = cache.marker_profile(data.digest, task["label"], task["rare"], genes)
        figure(marker_dotplot, profile, rare=task["rare"], key="dots")
    st.caption(
        "These markers come from all cells, for you to look at. Scores on the next page are "
        "computed with markers chosen anew inside each training part."
    )
    next_page("train", "Next: train")


def _as_csv(table: pd.DataFrame) -> bytes:
    """Spreadsheets must not take a gene's name for a formula."""
    return table.assign(gene=table["gene"].map(spreadsheet_text)).to_csv(index=False).encode()


def _plain(state: AppState) -> dict:
    settings = config_to_dict(state.marker_config())
    return settings | {"genes": list(settings["genes"]) if settings["genes"] else None}


def can_learn() -> bool:
    """Whether a rare type of two or more cells is chosen; if it is too small, say so."""
    if state.rare is None:
        return False
    try:
        data.rare_labels(state.task)
    except ParameterError as error:
        show_problem(error.code, error.message, error.next_step)
        return False
    return True


state = header("Markers", "The genes that tell your rare cells from all others.")
guard(state, "reference", "labels")
data = cache.dataset(state.dataset)
kind, number, test = st.columns([4, 4, 3], gap="medium")
choose_rare(kind, data, state)
choose_test(number, test, state)
choose_genes(data, state)
show_summary(state)
if st.button("Find markers", type="primary", disabled=not can_learn() or is_running(state.finding)):
    config = {
        "dataset": state.dataset,
        "task": config_to_dict(state.task),
        "markers": config_to_dict(state.marker_config()),
    }
    begin(state, "finding", "markers", config, title=f"Markers of {state.rare}")
if state.rare is None:
    st.info("Choose the rare type; the rarest come first.", icon=":material/arrow_upward:")
done = follow(state, "finding")
if done is not None and state.rare is not None and done.config["dataset"] == state.dataset:
    draw(data, state, done)
