"""The real tasks that methods are compared on, and their folds, computed once and kept."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import joblib

import core
from core.classifiers import CLASSIFIERS
from core.data import Dataset
from core.errors import ParameterError
from core.evaluation import FoldResult, check_methods
from core.jobs.results import load_folds, save_folds
from core.oversampling import SAMPLERS
from core.splits import scored_cells

__all__ = ["CONFIG", "SHARED", "TASKS", "RealTask", "all_folds", "method_folds"]

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
CONFIG = core.TrainingConfig(
    markers=50, classifiers=tuple(CLASSIFIERS), samplers=tuple(SAMPLERS), n_splits=5, n_repeats=1
)


NAMES = {"cbmc_citeseq_anon2000": "cbmc", "pbmc3k": "pbmc3k", "pbmc_kang_ifnb2800": "Kang"}


@dataclass(frozen=True)
class RealTask:
    """A rare type of a dataset."""

    dataset: str
    rare: str

    @property
    def task(self) -> core.RareTask:
        """As the library wants it."""
        return core.RareTask("cell_type", self.rare)

    @property
    def name(self) -> str:
        """For a table."""
        return f"{NAMES[self.dataset]}, {self.rare}"

    def open(self, folder: Path = SHARED) -> Dataset:
        """Open its cells."""
        return core.open_dataset(folder / f"{self.dataset}.h5ad")


TASKS = (
    RealTask("cbmc_citeseq_anon2000", "pDC"),
    RealTask("cbmc_citeseq_anon2000", "DC"),
    RealTask("cbmc_citeseq_anon2000", "Mk"),
    RealTask("cbmc_citeseq_anon2000", "CD34+"),
    RealTask("pbmc3k", "Platelet"),
    RealTask("pbmc3k", "DC"),
    RealTask("pbmc_kang_ifnb2800", "Mk"),
    RealTask("pbmc_kang_ifnb2800", "pDC"),
)


def method_folds(
    dataset: Dataset, task: core.RareTask, config: core.TrainingConfig, kept: Path
) -> list[FoldResult]:
    """Cross-validate one sampler with all classifiers, or read what an earlier call has kept.

    A sampler that so few cells do not allow has no folds.
    """
    if (kept / "result.json").exists():
        return load_folds(kept)
    cells = scored_cells(dataset, task, config)
    try:
        check_methods(config, cells.plan(config), cells.n_other)
    except ParameterError:
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folds = list(core.iter_folds(dataset, task, config))
    kept.mkdir(parents=True, exist_ok=True)
    save_folds(kept, folds)
    return folds


def all_folds(
    jobs: list[tuple[Path, core.RareTask, str]],
    *,
    config: core.TrainingConfig,
    kept: Path,
    n_jobs: int,
) -> Iterator[tuple[str, list[FoldResult]]]:
    """Cross-validate every method of several tasks, in as many processes as `n_jobs`.

    Parameters
    ----------
    jobs : list of (pathlib.Path, RareTask, str)
        File of the cells, task, and the name under which its folds are kept.
    config : TrainingConfig
        All samplers and classifiers.
    kept : pathlib.Path
        Folder of what is kept.
    n_jobs : int
        Processes.

    Yields
    ------
    name, folds
        In the order of `jobs`.
    """
    pairs = [(job, sampler) for job in jobs for sampler in config.samplers]
    run = joblib.delayed(_one)
    results = joblib.Parallel(n_jobs=n_jobs, return_as="generator", batch_size=1)(
        run(path, task, replace(config, samplers=(sampler,)), kept / name / sampler)
        for (path, task, name), sampler in pairs
    )
    folds: list[FoldResult] = []
    for number, found in enumerate(results, start=1):
        folds += found
        if number % len(config.samplers) == 0:
            yield pairs[number - 1][0][2], folds
            folds = []


def _one(
    path: Path, task: core.RareTask, config: core.TrainingConfig, kept: Path
) -> list[FoldResult]:
    return method_folds(core.open_dataset(path), task, config, kept)
