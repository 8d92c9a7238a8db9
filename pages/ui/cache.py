"""Things that are read again and again, kept once for all sessions and never changed.

Keys are content digests and run ids, never the objects themselves. Datasets are shared between
people who loaded the same content, but only :func:`dataset` hands them out, and only to these.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st

from core import calibration, jobs
from core.annotation import Annotation
from core.config import RareTask, TrainingConfig, config_from_dict, config_to_dict
from core.data import Dataset, load_dataset
from core.data.labels import find_label_columns, find_sample_columns
from core.embedding import dataset_umap, umap_file
from core.errors import Finding, RunError
from core.jobs import holdings, library, startup
from core.jobs.folders import annotation_model
from core.jobs.results import (
    load_annotation,
    load_folds,
    load_markers,
    load_synthetic,
)
from core.jobs.schema import LOCAL
from core.jobs.training import optimistic_folder
from core.model import RareCellModel, load_model
from core.profiles import expression_by_type
from core.summary import CrossValidation, summarise
from core.synthetic import SyntheticComparison
from core.wording import calibration_sentence
from pages.ui import people

__all__ = [
    "annotation",
    "cross_validation",
    "dataset",
    "has_umap",
    "marker_profile",
    "marker_table",
    "model",
    "optimistic",
    "recommended",
    "reliability",
    "sample_columns",
    "synthetic",
    "umap",
    "warm_worker",
]

# Digest of no dataset: what is somebody else's and what is not there get the very same answer.
_NOBODYS = ""
_starting = threading.Lock()


def dataset(digest: str) -> Dataset:
    """A canonical dataset that the person before the page has loaded, under their name for it.

    Raises
    ------
    DataError
        ``E-DATASET-UNKNOWN`` when there is none, or only other people have loaded it.
    """
    owner = people.owner()
    name = holdings.name_of(owner, digest)
    if name is None and owner == LOCAL:  # everything on the machine is theirs, as from a notebook
        name = _dataset(digest).name
        holdings.hold(owner, digest, name)
    return _named(digest, name) if name is not None else _dataset(_NOBODYS)


@st.cache_resource(max_entries=8, show_spinner=False)
def _dataset(digest: str) -> Dataset:
    return load_dataset(digest)


@st.cache_resource(max_entries=16, show_spinner=False)
def _named(digest: str, name: str) -> Dataset:
    data = _dataset(digest)
    # Its report speaks of the file by name, too; so nothing of another person's is left in it.
    return data if data.name == name else load_dataset(digest, name=name)


def umap(digest: str) -> npt.NDArray[np.float32]:
    """Map of a dataset that has one already."""
    return _umap(dataset(digest).digest)


@st.cache_resource(max_entries=8, show_spinner=False)
def _umap(digest: str) -> npt.NDArray[np.float32]:
    return dataset_umap(_dataset(digest))


def has_umap(data: Dataset) -> bool:
    """Whether a dataset's map is in its file or was computed before."""
    return data.file_umap is not None or umap_file(data).exists()


@st.cache_resource(max_entries=16, show_spinner=False)
def marker_table(run_id: str) -> pd.DataFrame:
    """Result of a markers run."""
    return load_markers(jobs.run_folder(run_id))


def sample_columns(digest: str) -> tuple[str, ...]:
    """Columns of a dataset that may say which sample a cell is from, the likely ones first."""
    return _sample_columns(dataset(digest).digest)


@st.cache_resource(max_entries=16, show_spinner=False)
def _sample_columns(digest: str) -> tuple[str, ...]:
    obs = _dataset(digest).obs
    usable = [column.name for column in find_label_columns(obs)]
    likely = [name for name in find_sample_columns(obs) if name in usable]
    return tuple(dict.fromkeys([*likely, *usable]))


def marker_profile(digest: str, label: str, rare: str, genes: tuple[str, ...]) -> pd.DataFrame:
    """Fraction and mean of some genes in every type."""
    return _marker_profile(dataset(digest).digest, label, rare, genes)


@st.cache_resource(max_entries=16, show_spinner=False)
def _marker_profile(digest: str, label: str, rare: str, genes: tuple[str, ...]) -> pd.DataFrame:
    return expression_by_type(_dataset(digest), RareTask(label, rare), genes)


@st.cache_resource(max_entries=16, show_spinner=False)
def cross_validation(run_id: str, goal: str | None = None) -> CrossValidation:
    """Result of a training run that computed scores; `goal` else the one it was started with."""
    return summarise(load_folds(jobs.run_folder(run_id)), goal=goal)


@st.cache_resource(max_entries=8, show_spinner=False)
def optimistic(run_id: str, goal: str) -> CrossValidation:
    """The variant with markers from all cells, of a training run that computed it as well."""
    return summarise(load_folds(optimistic_folder(jobs.run_folder(run_id))), goal=goal)


@st.cache_resource(max_entries=64, show_spinner=False)
def reliability(run_id: str, method: str) -> tuple[str, pd.DataFrame]:
    """How well a method's out-of-fold probabilities are calibrated: in a sentence, and by bins."""
    result = cross_validation(run_id)  # no threshold has a say in it
    is_rare, probabilities = result.out_of_fold[method].is_rare, result.probabilities(method)
    table = calibration.reliability(is_rare, probabilities, times=result.times(method))
    return calibration_sentence(result, method), table


def recommended(run_id: str | None, digest: str, task: RareTask, goal: str) -> str | None:
    """Method that a training recommends for a goal, once it is done and was for this task."""
    if run_id is None:
        return None
    with suppress(RunError):
        run = jobs.get_database().get(run_id, owner=people.owner())
        is_this = (run.config["dataset"], run.config["task"]) == (digest, config_to_dict(task))
        if not (run.summary and is_this):
            return None
        is_as_started = config_from_dict(TrainingConfig, run.config["training"]).goal == goal
        if is_as_started or not run.summary["n_folds"]:
            return run.summary["recommended"]
        return cross_validation(run_id, goal).recommended
    return None


@st.cache_resource(max_entries=8, show_spinner=False)
def synthetic(run_id: str) -> SyntheticComparison:
    """Result of a synthetic-cells run."""
    return load_synthetic(jobs.run_folder(run_id))


@st.cache_resource(max_entries=8, show_spinner=False)
def model(path: str) -> RareCellModel:
    """A model file that a worker has checked or written."""
    return load_model(Path(path))


def annotation(run_id: str, digest: str) -> Annotation:
    """Result of an annotation run, called at the model's own threshold."""
    return _annotation(run_id, digest, dataset(digest).name)


@st.cache_resource(max_entries=8, show_spinner=False)
def _annotation(run_id: str, digest: str, name: str) -> Annotation:
    folder = jobs.run_folder(run_id)
    return load_annotation(folder, model(str(annotation_model(folder))), _named(digest, name))


def warm_worker() -> tuple[Finding, ...]:
    """Once per server: tidy up after the last one, let the queue move, have a worker ready.

    Returns
    -------
    tuple of Finding
        What was found amiss and repaired, for a banner on every page.

    Raises
    ------
    RunError
        ``E-FOLDER`` or whatever else keeps Needle from working; it is tried again next time.
    """
    with _starting:
        return _start()


# Not in one of Streamlit's caches: any browser may ask the server to empty these, and the start
# would be made again while others work.
@cache
def _start() -> tuple[Finding, ...]:
    findings = startup.start_up()
    jobs.sweep()
    jobs.watch()
    library.tidy_models()
    jobs.warm_up()
    return findings
