"""Things that are read again and again, kept once for all sessions and never changed.

Keys are content digests and run ids, never the objects themselves.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st

from core import jobs
from core.annotation import Annotation
from core.config import RareTask, config_to_dict
from core.data import Dataset, load_dataset
from core.embedding import dataset_umap, umap_file
from core.errors import RunError
from core.jobs.results import (
    annotation_model,
    load_annotation,
    load_folds,
    load_markers,
    load_synthetic,
)
from core.model import RareCellModel, load_model
from core.profiles import expression_by_type
from core.summary import CrossValidation, summarise
from core.synthetic import SyntheticComparison

__all__ = [
    "annotation",
    "cross_validation",
    "dataset",
    "has_umap",
    "marker_profile",
    "marker_table",
    "model",
    "recommended",
    "synthetic",
    "umap",
    "warm_worker",
]


@st.cache_resource(max_entries=8, show_spinner=False)
def dataset(digest: str) -> Dataset:
    """A canonical dataset."""
    return load_dataset(digest)


@st.cache_resource(max_entries=8, show_spinner=False)
def umap(digest: str) -> npt.NDArray[np.float32]:
    """Map of a dataset that has one already."""
    return dataset_umap(dataset(digest))


def has_umap(data: Dataset) -> bool:
    """Whether a dataset's map is in its file or was computed before."""
    return data.file_umap is not None or umap_file(data).exists()


@st.cache_resource(max_entries=16, show_spinner=False)
def marker_table(run_id: str) -> pd.DataFrame:
    """Result of a markers run."""
    return load_markers(jobs.run_folder(run_id))


@st.cache_resource(max_entries=16, show_spinner=False)
def marker_profile(digest: str, label: str, rare: str, genes: tuple[str, ...]) -> pd.DataFrame:
    """Fraction and mean of some genes in every type."""
    return expression_by_type(dataset(digest), RareTask(label, rare), genes)


@st.cache_resource(max_entries=8, show_spinner=False)
def cross_validation(run_id: str) -> CrossValidation:
    """Result of a training run that computed scores."""
    return summarise(load_folds(jobs.run_folder(run_id)))


def recommended(run_id: str | None, digest: str, task: RareTask) -> str | None:
    """Method that a training recommends, once it is done and if it was for this task."""
    if run_id is None:
        return None
    with suppress(RunError):
        run = jobs.get_database().get(run_id)
        is_this = (run.config["dataset"], run.config["task"]) == (digest, config_to_dict(task))
        return run.summary["recommended"] if run.summary and is_this else None
    return None


@st.cache_resource(max_entries=8, show_spinner=False)
def synthetic(run_id: str) -> SyntheticComparison:
    """Result of a synthetic-cells run."""
    return load_synthetic(jobs.run_folder(run_id))


@st.cache_resource(max_entries=8, show_spinner=False)
def model(path: str) -> RareCellModel:
    """A model file that a worker has checked or written."""
    return load_model(Path(path))


@st.cache_resource(max_entries=8, show_spinner=False)
def annotation(run_id: str, digest: str) -> Annotation:
    """Result of an annotation run, called at the model's own threshold."""
    folder = jobs.run_folder(run_id)
    return load_annotation(folder, model(str(annotation_model(folder))), dataset(digest))


@st.cache_resource(show_spinner=False)
def warm_worker() -> None:
    """Once per server: tidy up after the last one, and have a worker ready."""
    jobs.sweep()
    jobs.warm_up()
