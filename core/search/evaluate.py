"""Cross-validate one setting: its main models, and the inner models of every outer test fold."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from threadpoolctl import ThreadpoolController

from core.config import TrainingConfig
from core.data import Dataset
from core.fitting import fit_classifier, oversample, rare_scores, scale_cells
from core.markers import rank_markers
from core.search.plan import Part, SearchPlan
from core.search.result import SettingResult
from core.search.scoring import FoldScores, score_setting
from core.search.settings import Setting

__all__ = ["Evaluator"]

Columns = npt.NDArray[np.intp]


class Evaluator:
    """Fits and scores the models of one search, and remembers which genes mark which cells.

    Parameters
    ----------
    dataset : Dataset
        Reference cells.
    plan : SearchPlan
        Made for them.
    """

    def __init__(self, dataset: Dataset, plan: SearchPlan) -> None:
        self._dataset, self._plan = dataset, plan
        self._most_markers = max(setting.config.markers for setting in plan.settings)
        self._ranked: dict[tuple[Part, int, str], Columns] = {}

    def evaluate(self, index: int, rung: int) -> SettingResult:
        """Fit and score all models of a setting in one rung.

        Parameters
        ----------
        index, rung : int
            Which setting of the plan, in which rung.
        """
        setting, started = self._plan.settings[index], time.perf_counter()
        parts = self._plan.parts
        # The models are small: with several threads, they would mostly wait for each other.
        with self._threads.limit(limits=1):
            scored = {part: self._score(part, rung, setting) for part in parts}
        scores = FoldScores(
            is_rare=[self._plan.cells.is_rare[rows] for rows in self._tested],
            scores={(part, fold): s for part in parts for fold, s in scored[part].items()},
        )
        return SettingResult(
            index=index,
            rung=rung,
            method=str(setting.method),
            varied=setting.varied,
            **score_setting(scores, self._plan.config.objective),
            n_fits=len(parts),
            seconds=time.perf_counter() - started,
        )

    def _score(self, part: Part, rung: int, setting: Setting) -> dict[int, npt.NDArray[np.float64]]:
        """Train on one part, and score the cells of each fold that it leaves out."""
        config, train = setting.config, self._plan.trained(part, rung)
        columns = self._markers(part, rung, config)
        values = self._by_gene[:, columns].toarray()
        seeds = seeds_of(self._plan.config.seed, part)
        scaler, cells = scale_cells(values[train], self._plan.cells.is_rare[train])
        cells = oversample(cells, setting.method.sampler, config, seed=seeds[0])
        fitted = fit_classifier(cells, setting.method.classifier, config, seed=seeds[1])
        return {
            fold: rare_scores(fitted, scaler.transform(values[self._tested[fold]]))
            for fold in part.tested
        }

    def _markers(self, part: Part, rung: int, config: TrainingConfig) -> Columns:
        """Columns of the markers of a part: ranked once, cut to the number that is asked for."""
        key = part, rung, config.marker_test
        if key not in self._ranked:
            train = self._plan.trained(part, rung)
            is_rare, genes = self._plan.cells.is_rare[train], self._dataset.genes
            wanted = config.marker_config()
            wanted = replace(wanted, n=self._most_markers)
            table = rank_markers(self._by_cell[train], genes, is_rare, wanted)
            self._ranked[key] = genes.get_indexer(pd.Index(table["gene"], dtype=object))
        ranked = self._ranked[key]
        return ranked if config.genes is not None else ranked[: config.markers]

    @cached_property
    def _by_cell(self) -> sparse.csr_matrix:
        return self._dataset.matrix()[self._plan.cells.rows]

    @cached_property
    def _by_gene(self) -> sparse.csc_matrix:
        return self._by_cell.tocsc()

    @cached_property
    def _tested(self) -> list[npt.NDArray[np.intp]]:
        return [self._plan.tested(fold) for fold in range(self._plan.n_splits)]

    @cached_property
    def _threads(self) -> ThreadpoolController:
        return ThreadpoolController()


def seeds_of(seed: int, part: Part) -> tuple[int, int]:
    """Seeds of oversampling and fitting, the same for all settings so that like meets like."""
    drawn = np.random.SeedSequence((seed, part.first, part.second)).generate_state(2)
    return int(drawn[0]), int(drawn[1])
