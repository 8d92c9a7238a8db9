"""Everything that was run here: open, compare, delete."""

import pandas as pd
import streamlit as st

from core import jobs
from core.config import MarkerConfig, RareTask, TrainingConfig, config_from_dict
from core.jobs import Run, State
from core.wording import method_label, span
from pages.ui import cache
from pages.ui.messages import plain
from pages.ui.state import AppState
from pages.ui.widgets import header, local_time, stop

KINDS = {
    "read": "Reading a file",
    "layout": "Map",
    "markers": "Markers",
    "train": "Training",
    "synthetic": "Synthetic cells",
    "import_model": "Model file",
    "annotate": "Annotation",
}
# Which step's page shows the result of a kind of run.
PAGES = {
    "markers": ("finding", "markers"),
    "train": ("training", "train"),
    "synthetic": ("drawing", "synthetic"),
    "annotate": ("annotating", "annotate"),
}


def run_table(runs: list[Run]) -> pd.DataFrame:
    """One row per run, newest first."""
    return pd.DataFrame(
        {
            "Run": [run.title for run in runs],
            "Kind": [KINDS.get(run.kind, run.kind) for run in runs],
            "State": [str(run.state) for run in runs],
            "Started": [local_time(run.created) for run in runs],
            "Took": [duration(run) for run in runs],
            "Message": [run.error["message"] if run.error else "" for run in runs],
        }
    )


def duration(run: Run) -> str:
    """How long a finished run took."""
    if run.started is None or run.finished is None:
        return "–"
    return span((run.finished - run.started).total_seconds())


def open_run(run: Run, state: AppState) -> None:
    """Go to the page of a run, with the choices that it was made with."""
    step, page = PAGES[run.kind]
    if run.kind == "annotate":
        state.query, state.model = run.config["dataset"], run.config["model"]
        state.edition += 1
    else:
        task = config_from_dict(RareTask, run.config["task"])
        state.use_reference(run.config["dataset"], task.label, task.rare)
        if "training" in run.config:
            state.adopt(config_from_dict(TrainingConfig, run.config["training"]))
        else:
            state.adopt_markers(config_from_dict(MarkerConfig, run.config["markers"]))
        state.n_synthetic = run.config.get("n", state.n_synthetic)
    setattr(state, step, run.id)
    st.switch_page(f"pages/{page}.py")


def compare(runs: list[Run]) -> None:
    """Scores of several trainings side by side, one row per method."""
    rows = []
    for run in runs:
        if not run.summary["n_folds"]:
            continue
        table = cache.cross_validation(run.id).table
        rows += [
            {
                "Run": run.title,
                "Method": method_label(name),
                "Markers": run.config["training"]["markers"],
                "Precision": row["precision_mean"],
                "Recall": row["recall_mean"],
                "F1": row["f1_mean"],
                "95 % interval of F1": f"{row['f1_low']:.2f} to {row['f1_high']:.2f}",
                "Average precision": row["average_precision_mean"],
            }
            for name, row in table.iterrows()
        ]
    if rows:
        numbers = ("Precision", "Recall", "F1", "Average precision")
        config = {name: st.column_config.NumberColumn(format="%.3f") for name in numbers}
        st.subheader("Compared", anchor=False)
        st.dataframe(pd.DataFrame(rows), hide_index=True, column_config=config)


state = header("Runs", "Everything that was computed here, with its settings and results.")
jobs.sweep()  # a run whose worker died unseen is closed before it is listed
runs = jobs.get_database().runs(limit=200)
if not runs:
    st.info("Nothing was run yet.", icon=":material/history:")
    stop()
picked = st.dataframe(
    run_table(runs),
    hide_index=True,
    on_select="rerun",
    selection_mode="multi-row",
    # Rows are ticked by number: with another list, the ticks would stand beside other runs.
    key=f"runs.{hash(tuple(run.id for run in runs))}",
    column_config={"Started": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm")},
)
chosen = [runs[row] for row in picked.selection.rows if row < len(runs)]
st.caption("Tick one run to open it, several trainings to compare them, any to delete them.")
opening, deleting, _ = st.columns([1, 1, 4])
can_open = len(chosen) == 1 and chosen[0].state is State.DONE and chosen[0].kind in PAGES
if opening.button("Open", disabled=not can_open, width="stretch"):
    open_run(chosen[0], state)
can_delete = bool(chosen) and all(run.is_over for run in chosen)
if deleting.button("Delete", disabled=not can_delete, width="stretch"):
    for run in chosen:
        jobs.delete(run.id)
        for step, _page in PAGES.values():
            if getattr(state, step) == run.id:
                setattr(state, step, None)
    st.rerun()
trainings = [run for run in chosen if run.kind == "train" and run.state is State.DONE]
if len(trainings) > 1:
    compare(trainings)
for run in chosen:
    if run.error:
        message = f"{plain(run.error['message'])} {plain(run.error['next_step'])}"
        st.error(f"{plain(run.title)}: {message} `{run.error['code']}`")
