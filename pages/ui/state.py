"""What the user has chosen so far: one typed object per session, mirrored in the page's address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

import streamlit as st

from core import jobs
from core.config import (
    GOALS,
    MAX_MARKERS,
    MIN_MARKERS,
    ClassifierConfig,
    LorasConfig,
    MarkerConfig,
    ProwrasConfig,
    RareTask,
    TrainingConfig,
    config_from_dict,
)
from core.errors import RunError
from core.jobs import Run
from core.jobs.folders import model_of
from core.search import SearchConfig
from core.transfer_config import TransferConfig
from pages.ui import people

__all__ = ["RUN_STEPS", "AppState", "get_state", "restore_from_address", "write_address"]

_KEY = "needle"
# What goes into the address, under short names: enough to find everything again after a reload.
_ADDRESS = {
    "dataset": "reference",
    "label": "label",
    "rare": "rare",
    "n_markers": "markers",
    "reading": "reading",
    "finding": "finding",
    "training": "training",
    "goal": "goal",
    "exploring": "exploration",
    "drawing": "synthetic",
    "query": "query",
    "reading_query": "reading_query",
    "annotating": "annotation",
}
# Which kind of run belongs to a step.
_KINDS = {
    "reading": "read",
    "finding": "markers",
    "training": "train",
    "exploring": "explore",
    "drawing": "synthetic",
    "reading_query": "read",
    "annotating": "annotate",
}
RUN_STEPS = tuple(_KINDS)
# Answers that were chosen and not sent yet; those of readings that are open stand in the address.
_ANSWERS = "answers"
_MOST_ANSWERS = 40


@dataclass
class AppState:
    """Choices of one session.

    Run ids (``reading`` … ``annotating``) name the latest run of each step, finished or not;
    ``model`` is the file of a model that is to be offered first; ``edition`` counts how often the
    choices were replaced as a whole, and is part of every widget's key, so that widgets start anew
    then. ``goal`` is what thresholds are chosen for, also on finished scores; ``optimistic`` is
    whether a training shows the variant with markers from all cells, too. ``search`` is what the
    form of a search says, by the task that its ranges fit; ``searched`` is the search that settings
    were last taken over from, as a training's run notes it. ``transfer`` is how calls are carried
    over to a query. ``answers`` are chosen and not sent yet, by run id and code of the question.
    """

    dataset: str | None = None
    label: str | None = None
    rare: str | None = None
    n_markers: int = 50
    marker_test: str = "wilcoxon"
    min_fraction: float = 0.1
    min_logfc: float = 0.25
    genes: tuple[str, ...] | None = None
    classifiers: tuple[str, ...] = ("knn", "lr")
    samplers: tuple[str, ...] = ("none", "loras")
    n_splits: int = 5
    n_repeats: int = 5
    seed: int = 0
    sample: str | None = None
    markers_from: str = "training"
    goal: str = "f1"
    target_ratio: float = 1.0
    smote_neighbors: int = 5
    loras: LorasConfig = LorasConfig()
    prowras: ProwrasConfig = field(default_factory=ProwrasConfig)
    knn_neighbors: int = 30
    classifier: ClassifierConfig = field(default_factory=ClassifierConfig)
    optimistic: bool = False
    search: dict[RareTask, SearchConfig] = field(default_factory=dict)
    searched: dict[str, Any] | None = None
    n_synthetic: int = 500
    reading: str | None = None
    laying_out: str | None = None
    finding: str | None = None
    training: str | None = None
    exploring: str | None = None
    drawing: str | None = None
    query: str | None = None
    transfer: TransferConfig = field(default_factory=TransferConfig)
    reading_query: str | None = None
    importing: str | None = None
    model: str | None = None
    annotating: str | None = None
    is_demo: bool = False
    answers: dict[str, str] = field(default_factory=dict)
    edition: int = 0

    @property
    def task(self) -> RareTask | None:
        """The chosen task, once label column and rare type are chosen."""
        return RareTask(self.label, self.rare) if self.label and self.rare else None

    def marker_config(self) -> MarkerConfig:
        """Marker settings as the library wants them."""
        return MarkerConfig(
            n=self.n_markers,
            test=self.marker_test,
            min_fraction=self.min_fraction,
            min_logfc=self.min_logfc,
            genes=self.genes,
        )

    def training_config(self) -> TrainingConfig:
        """All settings as the library wants them; an empty choice of methods means the usual."""
        usual = TrainingConfig()
        chosen = {name: getattr(self, of) for name, of in _training_fields()}
        for name in ("classifiers", "samplers"):
            chosen[name] = chosen[name] or getattr(usual, name)
        return TrainingConfig(**chosen)

    def adopt(self, config: TrainingConfig, *, optimistic: bool = False) -> None:
        """Take over all settings of a configuration, and start the widgets anew with them."""
        self.optimistic = optimistic
        for name, of in _training_fields():
            setattr(self, of, getattr(config, name))
        self.edition += 1

    def adopt_markers(self, config: MarkerConfig) -> None:
        """Take over how markers are chosen, and start the widgets anew with it."""
        self.n_markers, self.marker_test, self.genes = config.n, config.test, config.genes
        self.min_fraction, self.min_logfc = config.min_fraction, config.min_logfc
        self.edition += 1

    def adopt_search(self, task: RareTask, config: SearchConfig) -> None:
        """Take over what a search varies, and start the widgets anew with it."""
        self.search[task] = config
        self.edition += 1

    def adopt_transfer(self, run: Run) -> None:
        """Take over how an annotation carried its calls over, and start the widgets anew with it.

        Runs of the time before there was anything to choose leave the choices as they are.
        """
        if "transfer" in run.config:
            self.transfer = config_from_dict(TransferConfig, run.config["transfer"])
        self.edition += 1

    def use_reference(self, digest: str, label: str | None = None, rare: str | None = None) -> None:
        """Begin with another reference: what was chosen for the last one does not fit it."""
        kept = replace(AppState(), query=self.query, reading_query=self.reading_query)
        kept.transfer = self.transfer
        kept.edition, kept.reading = self.edition + 1, self.reading
        kept.answers = self.answers
        self.__dict__.update(kept.__dict__)
        self.dataset, self.label, self.rare = digest, label, rare

    def key(self, name: str) -> str:
        """Key of a widget whose value belongs to these choices."""
        return f"{name}.{self.edition}"


def _training_fields() -> Iterator[tuple[str, str]]:
    """Names of a training's settings, each with the name that the state has for it."""
    for setting in fields(TrainingConfig):
        yield setting.name, "n_markers" if setting.name == "markers" else setting.name


def get_state() -> AppState:
    """The state of this session."""
    return st.session_state.setdefault(_KEY, AppState())


def restore_from_address() -> None:
    """Take over, once per session, what the page's address says."""
    if _KEY in st.session_state:
        return
    state = get_state()
    _restore_from_runs(state)
    for name, parameter in _ADDRESS.items():
        value: Any = st.query_params.get(parameter)
        if value is None:
            continue
        if name == "goal" and value not in GOALS:
            continue
        if name == "n_markers":
            value = int(value) if re.fullmatch(r"\d{1,4}", value) else state.n_markers
            value = min(max(value, MIN_MARKERS), MAX_MARKERS)
        setattr(state, name, value)
    with suppress(ValueError):  # an address may say anything
        told = st.query_params.get(_ANSWERS, "")
        state.answers = dict(parse_qsl(told, True, max_num_fields=_MOST_ANSWERS))


def _restore_from_runs(state: AppState) -> None:
    """Take over the settings of the runs in the address: they are too many to stand in it.

    Of other people's runs nothing is taken over, as if there were none.
    """
    made_by, owner = {}, people.owner()
    for step, kind in _KINDS.items():
        run_id = st.query_params.get(_ADDRESS[step], "")
        with suppress(RunError):  # an unknown run is refused at the top of the page
            run = jobs.get_database().get(run_id, owner=owner)
            if run.kind == kind:
                made_by[step] = run
            else:
                del st.query_params[_ADDRESS[step]]
    if _ADDRESS["dataset"] not in st.query_params:
        _restore_cells(state, [*made_by.values()])
    if "finding" in made_by:
        state.adopt_markers(config_from_dict(MarkerConfig, made_by["finding"].config["markers"]))
    if "exploring" in made_by:
        made = made_by["exploring"].config
        search = config_from_dict(SearchConfig, made["search"])
        state.adopt(search.base)
        state.adopt_search(config_from_dict(RareTask, made["task"]), search)
    if "training" in made_by:
        config = made_by["training"].config
        optimistic = bool(config.get("optimistic"))
        state.adopt(config_from_dict(TrainingConfig, config["training"]), optimistic=optimistic)
        state.searched = config.get("searched")
    if "drawing" in made_by:
        state.n_synthetic = made_by["drawing"].config["n"]
    if "annotating" in made_by:
        state.model = str(model_of(made_by["annotating"]))
        state.adopt_transfer(made_by["annotating"])


def _restore_cells(state: AppState, made_by: list[Run]) -> None:
    """Take over the cells of a run whose id stands alone in the address."""
    for run in made_by:
        if "task" in run.config:
            task = config_from_dict(RareTask, run.config["task"])
            state.dataset, state.label, state.rare = run.config["dataset"], task.label, task.rare
        elif run.kind == "annotate":
            state.query = run.config["dataset"]


def write_address() -> None:
    """Mirror the choices in the page's address, so that a reload or a link finds them again.

    All at once, because the browser's back button stops at every single change of the address.
    """
    state = get_state()
    needs = {"n_markers": state.dataset, "goal": state.training}
    wanted = {
        parameter: str(value)
        for name, parameter in _ADDRESS.items()
        if (value := getattr(state, name)) is not None and needs.get(name, True)
    }
    if answers := _open_answers(state):
        wanted[_ANSWERS] = urlencode(answers)
    if st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)


def _open_answers(state: AppState) -> dict[str, str]:
    """Return the answers to questions that are on one of the pages now."""
    open_runs = (state.reading, state.reading_query)
    return {k: v for k, v in state.answers.items() if k.partition(".")[0] in open_runs}
