"""How long a search is going to take, and how much memory it needs, before it starts.

The constants were measured on a 2-core machine, one thread at work, on 400 to 12,000 cells with 10
to 100 markers. On another machine, or beside other runs, it takes longer or shorter: an estimate
is meant to tell a minute from an hour.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import h5py

from core.config import RareTask
from core.data import Dataset
from core.search.plan import SearchPlan, plan_search
from core.search.settings import Setting
from core.search.space import SearchConfig

__all__ = ["LEFT_OF_IT", "LIBRARIES", "PER_MARKER", "PER_VALUE", "Estimate", "estimate"]

# Bytes: all libraries; per stored value while it is prepared, and later; per marker of a cell.
LIBRARIES, PER_VALUE, LEFT_OF_IT, PER_MARKER = 500 * 2**20, 54, 16, 40

# Seconds: reading, per stored value; ranking the genes of one part, and per stored value of it.
READING, RANKING, RANKING_VALUE = 5e-8, 0.1, 2.5e-7
SLOW_TESTS = {"logreg": 5.0}
# Choosing columns, scaling and scoring for one fit; and thresholds, per cell and pair of folds.
OVERHEAD, OVERHEAD_VALUE, THRESHOLDS = 0.005, 1e-8, 2e-7


@dataclass(frozen=True)
class Estimate:
    """What a search is going to cost.

    Parameters
    ----------
    seconds : float
        Expected time, on one core.
    memory_bytes : int
        Expected peak of the worker.
    n_settings : int
        Settings that are going to be tried.
    n_fits : int
        Models that are going to be fitted; for halving about so many.
    n_left_out : int
        Settings that are impossible for these cells, and are not tried.
    """

    seconds: float
    memory_bytes: int
    n_settings: int
    n_fits: int
    n_left_out: int


def estimate(dataset: Dataset, task: RareTask, config: SearchConfig) -> Estimate:
    """Estimate time and memory of a search, without reading any expression.

    Parameters
    ----------
    dataset, task, config
        As in :func:`core.search_parameters`.

    Returns
    -------
    Estimate

    Raises
    ------
    ParameterError
        As :func:`core.search_parameters`: what is refused there is refused here already.
    """
    plan = plan_search(dataset, task, config)
    with h5py.File(dataset.path, "r") as file:
        n_values = file["X/data"].shape[0]
    most = max(_n_markers(setting) for setting in plan.settings)
    later = LEFT_OF_IT * n_values + PER_MARKER * most * dataset.n_cells
    return Estimate(
        seconds=_seconds(plan, n_values),
        memory_bytes=int(LIBRARIES + max(PER_VALUE * n_values, later)),
        n_settings=len(plan.settings),
        n_fits=plan.n_fits(),
        n_left_out=sum(plan.left_out.values()),
    )


def _seconds(plan: SearchPlan, n_values: int) -> float:
    tests = {setting.config.marker_test for setting in plan.settings}
    slow = sum(SLOW_TESTS.get(test, 1.0) for test in tests)
    total = READING * n_values
    for rung, share in enumerate(plan.shares):
        ranking = RANKING + RANKING_VALUE * share * n_values
        total += slow * len(plan.parts) * ranking
        one_by_one = (_setting_seconds(setting, plan, share) for setting in plan.settings)
        total += plan.going_on(rung) * sum(one_by_one)
    return total


def _setting_seconds(setting: Setting, plan: SearchPlan, share: float) -> float:
    n_cells, k = len(plan.fold_of), plan.n_splits
    # Most models are trained without two folds, and score both.
    n_train, n_test = share * n_cells * (1 - 2 / k), 2 * n_cells / k
    added = 0.0
    if setting.method.sampler not in ("none", "weights"):
        added = setting.config.target_ratio * n_train
    n_markers = _n_markers(setting)
    one = OVERHEAD + OVERHEAD_VALUE * n_cells * n_markers
    one += _sampling(setting, n_train + added) if added else 0.0
    one += _fitting(setting, n_train + added, n_test, n_markers)
    return len(plan.parts) * one + THRESHOLDS * k**2 * n_cells


def _sampling(setting: Setting, n_cells: float) -> float:
    return (
        0.005 + 2e-5 * n_cells if setting.method.sampler == "svmsmote" else 0.003 + 2e-6 * n_cells
    )


def _fitting(setting: Setting, n_train: float, n_test: float, n_markers: int) -> float:
    """Seconds to fit one model and to score its test cells."""
    values, settings = n_train * n_markers, setting.config.classifier
    match setting.method.classifier:
        case "lr":
            return 0.005 + 3e-8 * values
        case "svm":
            return 0.001 + 6e-8 * values
        case "knn":
            return 0.001 + (5e-9 + 3.5e-11 * n_markers) * n_train * n_test
        case "forest":
            return settings.forest_trees * (0.001 + 7e-7 * n_train * math.sqrt(n_markers))
        case "boosting":
            rounds = settings.boosting_iterations / 100
            return rounds * (0.06 + 0.0018 * n_markers + 1.2e-6 * values)
        case _:
            return 0.008 + n_train * (1.4e-5 + 6e-8 * n_markers)


def _n_markers(setting: Setting) -> int:
    return len(setting.config.genes or ()) or setting.config.markers
