"""Cross-validation in which nothing of a test fold touches the training.

Inside each training part, in this order and nowhere else: marker choice, scaling, oversampling,
fitting. All methods see the same folds, and scores are computed on untouched real cells.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from sklearn.metrics import average_precision_score
from sklearn.model_selection import RepeatedStratifiedKFold

from core.classifiers import make_classifier
from core.config import Method, RareTask, TrainingConfig
from core.data import Dataset, RareLabels
from core.errors import ParameterError
from core.fitting import fit_classifier, oversample, rare_scores, scale_cells
from core.folds import FoldPlan, plan_folds
from core.markers import rank_markers
from core.oversampling import check_loras, make_sampler

__all__ = [
    "DECISION",
    "FoldKey",
    "FoldResult",
    "check_methods",
    "fold_keys",
    "iter_folds",
    "ratio",
    "score_calls",
]

# Repeat, fold and method: what tells one result of a cross-validation from the others.
FoldKey = tuple[int, int, str]

# A cell is called rare when its score reaches this value.
DECISION = 0.5


@dataclass(frozen=True, eq=False)
class FoldResult:
    """One method on one fold.

    Parameters
    ----------
    method : str
        For example ``"loras+knn"``.
    repeat, fold : int
        Which fold, both from 0.
    n_train_rare, n_test_rare, n_synthetic : int
        Real rare cells in the training and the test part, and synthetic cells added.
    markers : tuple of str
        Marker genes chosen on the training part.
    tp, fp, fn, tn : int
        Confusion counts on the test part, at a score of 0.5.
    average_precision, balanced_accuracy : float
        Of the test part, 0–1.
    seconds : float
        Oversampling, fitting and scoring; marker choice is shared by all methods and not counted.
    test_cells : int array of shape (n_test,)
        Rows of the dataset.
    test_is_rare : bool array of shape (n_test,)
        Their truth.
    scores : array of shape (n_test,)
        Their scores, 0–1.
    task, config
        What made it.
    """

    method: str
    repeat: int
    fold: int
    n_train_rare: int
    n_test_rare: int
    n_synthetic: int
    markers: tuple[str, ...]
    tp: int
    fp: int
    fn: int
    tn: int
    average_precision: float
    balanced_accuracy: float
    seconds: float
    test_cells: npt.NDArray[np.intp]
    test_is_rare: npt.NDArray[np.bool_]
    scores: npt.NDArray[np.float64]
    task: RareTask
    config: TrainingConfig

    @property
    def key(self) -> FoldKey:
        """Repeat, fold and method."""
        return self.repeat, self.fold, self.method

    @property
    def precision(self) -> float:
        """TP / (TP + FP); 0 when nothing was called."""
        return ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """TP / (TP + FN)."""
        return ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 2 TP / (2 TP + FP + FN)."""
        return ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)


def ratio(part: float, whole: float) -> float:
    """``part / whole``, and 0 where the whole is 0."""
    return float(part) / float(whole) if whole else 0.0


def fold_keys(plan: FoldPlan, config: TrainingConfig) -> list[FoldKey]:
    """Keys of all results of a cross-validation, in the order of :func:`iter_folds`."""
    return [
        (repeat, fold, str(Method(sampler, classifier)))
        for repeat in range(plan.n_repeats)
        for fold in range(plan.n_splits)
        for sampler in config.samplers
        for classifier in config.classifiers
    ]


def iter_folds(
    dataset: Dataset, task: RareTask, config: TrainingConfig, *, done: Collection[FoldKey] = ()
) -> Iterator[FoldResult]:
    """Cross-validate every method of `config`, one result per method and fold as it is ready.

    Parameters
    ----------
    dataset : Dataset
        Reference cells; those without a label take no part.
    task : RareTask
        Label column and rare type.
    config : TrainingConfig
        Settings and seed; the same seed gives the same results.
    done : collection of (int, int, str)
        Repeat, fold and method (:attr:`FoldResult.key`) of results that are there already and are
        left out. The others are what they are without it, to the last bit: every fold has its own
        seeds.

    Yields
    ------
    FoldResult

    Raises
    ------
    ParameterError
        ``E-PARAMETER`` when `done` names a result that this cross-validation does not have,
        ``E-TOO-FEW-FOR-SCORES`` below 5 rare (or other) cells, ``E-RARE-UNKNOWN``,
        ``E-RARE-ONE``, ``E-SAMPLER``, ``E-CLASSIFIER``, ``E-NO-MARKERS``, ``E-NO-GENE-KNOWN``, or
        a sampler's own.
    DataError
        ``E-LABEL-COLUMN`` or ``E-LABEL-ONE-TYPE``.

    References
    ----------
    Bej, Galow, David, Wolfien, Wolkenhauer: Automated annotation of rare-cell types from
    single-cell RNA-sequencing data through synthetic oversampling. BMC Bioinformatics 22:557
    (2021), DOI 10.1186/s12859-021-04469-x.

    Examples
    --------
    >>> import core
    >>> config = core.TrainingConfig(markers=20, n_repeats=1)
    >>> task = core.RareTask("bulk_labels", "CD34+")
    >>> folds = core.iter_folds(core.demo_reference(), task, config)
    >>> next(folds).n_test_rare
    2
    """
    truth = dataset.rare_labels(task)
    plan = plan_folds(truth.n_rare, truth.n_other, config)
    if plan.scheme == "none":
        raise ParameterError(
            plan.reason,
            code="E-TOO-FEW-FOR-SCORES",
            next_step="Train a model without scores, or label more cells.",
        )
    check_methods(config, plan, truth.n_other)
    missing = _without(fold_keys(plan, config), done)
    if not missing:
        return
    cells = _LabelledCells(dataset.matrix()[truth.rows], dataset.genes, truth)
    folds = RepeatedStratifiedKFold(
        n_splits=plan.n_splits, n_repeats=plan.n_repeats, random_state=config.seed
    )
    for number, (train, test) in enumerate(folds.split(truth.rows, truth.is_rare)):
        repeat, fold = divmod(number, plan.n_splits)
        wanted = {name for name in map(str, config.methods()) if (repeat, fold, name) in missing}
        if wanted:
            yield from _run_fold(cells, train, test, repeat, fold, wanted, task, config)


def check_methods(config: TrainingConfig, plan: FoldPlan, n_other: int) -> None:
    """Refuse unknown names and impossible settings before any work is done."""
    for method in config.methods():
        make_sampler(method.sampler, config, seed=config.seed)
        make_classifier(method.classifier, config, n_training_cells=1, seed=config.seed)
    if "loras" in config.samplers and plan.n_rare < n_other:
        most_tested = math.ceil(plan.n_rare / plan.n_splits)
        check_loras(config.loras, plan.n_rare - most_tested)


def _without(keys: list[FoldKey], done: Collection[FoldKey]) -> set[FoldKey]:
    there = set(done)
    if unknown := there.difference(keys):
        raise ParameterError(
            "`done` must name results of this cross-validation by repeat, fold and method. "
            f"Got {next(iter(unknown))!r}.",
            code="E-PARAMETER",
            next_step="Give the keys of results of the same dataset, task and configuration.",
        )
    return set(keys) - there


@dataclass(frozen=True, eq=False)
class _LabelledCells:
    matrix: sparse.csr_matrix
    genes: pd.Index
    truth: RareLabels


def _run_fold(
    cells: _LabelledCells,
    train: npt.NDArray[np.intp],
    test: npt.NDArray[np.intp],
    repeat: int,
    fold: int,
    wanted: set[str],
    task: RareTask,
    config: TrainingConfig,
) -> Iterator[FoldResult]:
    is_rare = cells.truth.is_rare
    training = cells.matrix[train]
    markers = rank_markers(training, cells.genes, is_rare[train], config.marker_config())["gene"]
    columns = cells.genes.get_indexer(pd.Index(markers, dtype=object))
    scaler, real = scale_cells(training[:, columns].toarray(), is_rare[train])
    untouched = scaler.transform(cells.matrix[test][:, columns].toarray())
    seeds = np.random.SeedSequence((config.seed, repeat, fold)).generate_state(2)
    for sampler in config.samplers:
        methods = {name: str(Method(sampler, name)) for name in config.classifiers}
        if wanted.isdisjoint(methods.values()):
            continue
        started = time.perf_counter()
        # One draw per sampler serves every classifier, so that these compare like with like.
        enlarged = oversample(real, sampler, config, seed=int(seeds[0]))
        sampling_seconds = time.perf_counter() - started
        for classifier, method in methods.items():
            if method not in wanted:
                continue
            started = time.perf_counter()
            fitted = fit_classifier(enlarged, classifier, config, seed=int(seeds[1]))
            scores = rare_scores(fitted, untouched)
            seconds = sampling_seconds + time.perf_counter() - started
            yield FoldResult(
                method=method,
                repeat=repeat,
                fold=fold,
                n_train_rare=int(is_rare[train].sum()),
                n_test_rare=int(is_rare[test].sum()),
                n_synthetic=enlarged.n_synthetic,
                markers=tuple(markers),
                **score_calls(is_rare[test], scores),
                seconds=seconds,
                test_cells=cells.truth.rows[test],
                test_is_rare=is_rare[test],
                scores=scores,
                task=task,
                config=config,
            )


def score_calls(
    is_rare: npt.NDArray[np.bool_], scores: npt.NDArray[np.float64]
) -> dict[str, float]:
    """Confusion counts at :data:`DECISION`, average precision and balanced accuracy."""
    called = scores >= DECISION
    tp, fp = int((called & is_rare).sum()), int((called & ~is_rare).sum())
    fn, tn = int((~called & is_rare).sum()), int((~called & ~is_rare).sum())
    return {
        "tp": tp,
        "fp": fp,
        "fn": fn,
        "tn": tn,
        "average_precision": float(average_precision_score(is_rare, scores)),
        "balanced_accuracy": (ratio(tp, tp + fn) + ratio(tn, tn + fp)) / 2,
    }
