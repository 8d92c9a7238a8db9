"""How good the recommendation is: ``python -m benchmarks.halves KEPT [SPLITS] [JOBS]``.

Every task's cells are divided into halves at random. On the one half all methods are
cross-validated, one is recommended, and the models are fitted with their thresholds; the other
half, which nothing of that has seen, tells what each is truly worth. Over several divisions, the
mean F1 of the recommended method is held against that of the method with the highest mean.
"""

from __future__ import annotations

import sys
import warnings
from dataclasses import replace
from pathlib import Path

import anndata as ad
import joblib
import numpy as np
import pandas as pd
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedShuffleSplit

import core
from benchmarks.tasks import CONFIG, SHARED, TASKS, RealTask, method_folds
from core.data import Dataset
from core.evaluation import FoldResult
from core.text import method_label
from core.training import fit_models

REPEATS = 3


def halve(real: RealTask, seed: int, kept: Path) -> tuple[Path, Path]:
    """Write both halves of a task's cells, once."""
    files = kept / "one.h5ad", kept / "other.h5ad"
    if not files[1].exists():
        kept.mkdir(parents=True, exist_ok=True)
        cells = ad.read_h5ad(SHARED / f"{real.dataset}.h5ad")
        is_rare = (cells.obs["cell_type"] == real.rare).to_numpy()
        division = StratifiedShuffleSplit(1, test_size=0.5, random_state=seed)
        for rows, file in zip(next(division.split(is_rare, is_rare)), files, strict=True):
            cells[np.sort(rows)].write_h5ad(file)
    return files


def half_folds(one: Dataset, real: RealTask, kept: Path) -> list[FoldResult]:
    """Cross-validate all methods on a half, or read what is kept of them."""
    return [
        fold
        for sampler in CONFIG.samplers
        for fold in method_folds(
            one, real.task, replace(CONFIG, samplers=(sampler,), n_repeats=REPEATS), kept / sampler
        )
    ]


def true_scores(real: RealTask, seed: int, kept: Path) -> pd.Series:
    """F1 on the other half by method, and under ``recommended`` that of the recommended one."""
    kept = kept / f"{real.name} {seed}".replace(" ", "-")
    one, other = (core.open_dataset(path) for path in halve(real, seed, kept))
    result = core.summarise(half_folds(one, real, kept))
    file = kept / "scores.npz"
    if not file.exists():
        truth, scores = other.rare_labels(real.task), {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for model in fit_models(one, real.task, CONFIG, list(result.table.index)):
                scores[model.method] = model.score(other)[truth.rows]
        np.savez(file, truth=truth.is_rare, **scores)
    with np.load(file) as found:
        truth = found["truth"]
        f1 = {
            method: float(f1_score(truth, found[method] >= result.thresholds[method].value))
            for method in result.table.index
        }
    advised = result.recommended or str(result.table["f1_mean"].idxmax())
    return pd.Series(f1 | {"recommended": f1[advised], "name": advised})


def main(kept: str, splits: str = "3", jobs: str = "2") -> None:
    """Print the table."""
    # Division by division, so that whatever is stopped early has done all tasks equally often.
    work = [(real, seed) for seed in range(int(splits)) for real in TASKS]
    found = joblib.Parallel(n_jobs=int(jobs), batch_size=1)(
        joblib.delayed(true_scores)(real, seed, Path(kept)) for real, seed in work
    )
    print("| task | recommended in each division | its F1 | best method | its F1 | behind |")
    print("|---|---|--:|---|--:|--:|")
    for real in TASKS:
        mine = [s for (one, _), s in zip(work, found, strict=True) if one == real]
        names = ", ".join(method_label(s["name"]) for s in mine)
        means = pd.DataFrame(mine).drop(columns="name").astype(float).dropna(axis=1).mean()
        advised = means.pop("recommended")
        best = str(means.idxmax())
        print(
            f"| {real.name} | {names} | {advised:.3f} | {method_label(best)} | {means[best]:.3f} "
            f"| {means[best] - advised:.3f} |"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
