"""Synthetic cells beside the real ones: what the classifier is given to learn from."""

import streamlit as st

from core.config import config_to_dict
from core.plots import map_synthetic, number_text, percent_text
from core.synthetic import SyntheticComparison
from core.wording import count
from pages.ui import cache
from pages.ui.figures import figure
from pages.ui.following import begin, follow, is_running
from pages.ui.messages import plain
from pages.ui.widgets import beside, guard, header, next_page

SIZES = (50, 500, 1000, 2000)


def draw_numbers(result: SyntheticComparison) -> None:
    """The two numbers that say how true the synthetic cells are."""
    kept, near = st.columns(2)
    kept.metric(
        "Variance kept",
        percent_text(result.variance_kept),
        help="Total variance of the synthetic cells over that of the real rare cells.",
        border=True,
        height="stretch",
    )
    near.metric(
        "Distance to the nearest real rare cell",
        number_text(result.distance_synthetic),
        delta=f"{number_text(result.distance_real)} between real rare cells",
        delta_color="off",
        delta_arrow="off",
        help="Medians, in standard deviations over the marker genes.",
        border=True,
        height="stretch",
    )
    if result.variance_kept < 0.5:
        n_affine = result.config.loras.n_affine or min(50, result.n_genes)
        st.caption(
            f"Every synthetic cell is an average of {n_affine} shadow samples, so it lies nearer "
            "to the middle of its neighbourhood than real cells do. Fewer shadow samples per cell "
            "(A, under `LoRAS settings` on the page Train) keep more of the variance."
        )


def draw_maps(result: SyntheticComparison) -> None:
    """Both views: placed into the real map, and embedded together."""
    rare = result.task.rare
    left, right = beside([1, 1], key="maps")
    with left:
        st.subheader("Placed into the map of the real cells", anchor=False)
        real = result.real_map, result.is_rare
        figure(map_synthetic, *real, result.placed, rare=rare, key="placed")
        st.caption("The map is made of real cells alone and does not move.")
    with right:
        st.subheader("Both embedded together", anchor=False)
        real = result.joint_real, result.is_rare
        figure(map_synthetic, *real, result.joint_synthetic, rare=rare, key="joint")
        st.caption(
            "As in figure 4 of the sc-SynO paper. UMAP gives room by number of cells: the more "
            "synthetic cells, the larger their island, and the map stretches. Its size says "
            "nothing about variety; the two numbers above do."
        )


state = header("Synthetic cells", "What LoRAS makes of your rare cells, beside the real ones.")
guard(state, "reference", "labels", "rare")
choice, button, _ = st.columns([2, 2, 3], vertical_alignment="bottom")
sizes = sorted({*SIZES, state.n_synthetic})  # a run from a notebook may have any number
n = state.n_synthetic = choice.selectbox(
    "Synthetic cells to show",
    sizes,
    index=sizes.index(state.n_synthetic),
    format_func=count,
    key=state.key("n_synthetic"),
    persist_state="session",
)
if button.button(
    "Draw synthetic cells",
    type="primary",
    disabled=is_running(state.drawing),
    width="stretch",
):
    config = {
        "dataset": state.dataset,
        "task": config_to_dict(state.task),
        "training": config_to_dict(state.training_config()),
        "n": n,
    }
    begin(state, "drawing", "synthetic", config, title=f"{n} synthetic {state.rare} cells")
done = follow(state, "drawing")
if done is not None:
    comparison = cache.synthetic(done.id)
    if (done.config["dataset"], comparison.task, comparison.config, done.config["n"]) != (
        state.dataset,
        state.task,
        state.training_config(),
        n,
    ):
        st.warning("Settings changed: draw them again.", icon=":material/update:")
    n_real = int(comparison.is_rare.sum())
    st.markdown(
        f"{count(len(comparison.placed))} synthetic cells from {count(n_real)} real "
        f"{plain(comparison.task.rare)} cells, on {comparison.n_genes} marker genes."
    )
    draw_numbers(comparison)
    draw_maps(comparison)
    next_page("annotate", "Next: find them in other data")
