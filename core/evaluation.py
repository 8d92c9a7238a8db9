"""Cross-validation in which nothing of a test fold touches the training.

Inside each training part, in this order and nowhere else: marker choice, scaling, oversampling,
fitting. All methods see the same folds, and scores are computed on untouched real cells.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from core.classifiers import make_classifier
from core.config import Method, RareTask, TrainingConfig
from core.data import Dataset
from core.errors import ParameterError
from core.fitting import fit_classifier, oversample, rare_scores, scale_cells
from core.fold_results import DECISION, FoldKey, FoldResult, ratio, score_calls
from core.folds import FoldPlan
from core.markers import rank_markers
from core.oversampling import check_sampler, make_sampler
from core.splits import ScoredCells, Split, iter_splits, scored_cells

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
        ``E-TOO-FEW-FOR-SCORES`` below 5 rare (or other) cells, ``E-SAMPLE-COLUMN``,
        ``E-SAMPLES-FEW``, ``E-RARE-UNKNOWN``,
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
    tested = scored_cells(dataset, task, config)
    plan = tested.plan(config)
    if plan.scheme == "none":
        raise ParameterError(
            plan.reason,
            code="E-TOO-FEW-FOR-SCORES",
            next_step="Train a model without scores, or label more cells.",
        )
    check_methods(config, plan, tested.n_other)
    missing = _without(fold_keys(plan, config), done)
    if not missing:
        return
    cells = _Expression(dataset.matrix()[tested.rows], dataset.genes, tested)
    everywhere = None
    if config.markers_from == "all":
        everywhere = cells.markers(np.arange(len(tested.rows)), config)
    for split in iter_splits(tested, plan, config.seed):
        at = (split.repeat, split.fold)
        wanted = {name for name in map(str, config.methods()) if (*at, name) in missing}
        if wanted:
            yield from _run_fold(cells, split, everywhere, wanted, task, config)


def check_methods(config: TrainingConfig, plan: FoldPlan, n_other: int) -> None:
    """Refuse unknown names and impossible settings before any work is done."""
    for method in config.methods():
        make_sampler(method.sampler, config, seed=config.seed)
        make_classifier(method.classifier, config, n_training_cells=1, seed=config.seed)
    # With samples left out, the ratio of both kinds is another one in every fold.
    if plan.samples or plan.n_rare < config.target_ratio * n_other:
        for sampler in config.samplers:
            check_sampler(sampler, config, plan.n_rare - plan.most_tested)


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
class _Expression:
    """Expression of the tested cells, all genes."""

    matrix: sparse.csr_matrix
    genes: pd.Index
    tested: ScoredCells

    def markers(self, cells: npt.NDArray[np.intp], config: TrainingConfig) -> tuple[str, ...]:
        """Choose marker genes on some of the cells alone."""
        is_rare = self.tested.is_rare[cells]
        table = rank_markers(self.matrix[cells], self.genes, is_rare, config.marker_config())
        return tuple(table["gene"])

    def values(
        self, cells: npt.NDArray[np.intp], markers: tuple[str, ...]
    ) -> npt.NDArray[np.float32]:
        columns = self.genes.get_indexer(pd.Index(markers, dtype=object))
        return self.matrix[cells][:, columns].toarray()


def _run_fold(
    cells: _Expression,
    split: Split,
    everywhere: tuple[str, ...] | None,
    wanted: set[str],
    task: RareTask,
    config: TrainingConfig,
) -> Iterator[FoldResult]:
    """Train and test the `wanted` methods, on markers of the training part or on `everywhere`."""
    train, test, is_rare = split.train, split.test, cells.tested.is_rare
    markers = everywhere or cells.markers(train, config)
    scaler, real = scale_cells(cells.values(train, markers), is_rare[train])
    untouched = scaler.transform(cells.values(test, markers))
    seeds = np.random.SeedSequence((config.seed, split.repeat, split.fold)).generate_state(2)
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
                repeat=split.repeat,
                fold=split.fold,
                n_train_rare=int(is_rare[train].sum()),
                n_test_rare=int(is_rare[test].sum()),
                n_synthetic=enlarged.n_synthetic,
                markers=markers,
                **score_calls(is_rare[test], scores),
                seconds=seconds,
                test_cells=cells.tested.rows[test],
                test_is_rare=is_rare[test],
                scores=scores,
                task=task,
                config=config,
                n_train=len(train),
                trained_share=enlarged.rare_share,
            )
