"""README's tables of methods: ``python -m benchmarks.methods KEPT [JOBS]``.

Every sampler with every classifier on every task, on the same folds. Folds that are done are kept
in the folder KEPT, so that a run can go on where the last one was stopped.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

import core
from benchmarks.tasks import CONFIG, SHARED, TASKS, all_folds
from core.classifiers import CLASSIFIERS
from core.config import Method
from core.oversampling import SAMPLERS
from core.text import method_label
from core.wording import frequency

NONE = "–"


def grid(cell: Callable[[str], str]) -> str:
    """A table of samplers by classifiers."""
    lines = [f"| sampler | {' | '.join(CLASSIFIERS)} |", "|---|" + "--:|" * len(CLASSIFIERS)]
    for sampler, row in SAMPLERS.items():
        cells = [cell(str(Method(sampler, classifier))) for classifier in CLASSIFIERS]
        lines.append(f"| {row.label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def scores(result: core.CrossValidation, method: str) -> str:
    """F1 and average precision of a method on one task, with intervals, and its time."""
    if method not in result.table.index:
        return NONE
    row = result.table.loc[method]
    text = (
        f"{row.f1_mean:.2f} ({row.f1_low:.2f}–{row.f1_high:.2f})<br>"
        f"AP {row.average_precision_mean:.2f} "
        f"({row.average_precision_low:.2f}–{row.average_precision_high:.2f})<br>{row.seconds:.2f} s"
    )
    return f"**{text}**" if method == result.recommended else text


def overall(results: dict[str, core.CrossValidation]) -> str:
    """Means over the tasks that a method could do, with how many these are where not all."""

    def cell(method: str) -> str:
        tables = [r.table.loc[method] for r in results.values() if method in r.table.index]
        if not tables:
            return NONE
        rows = pd.DataFrame(tables)
        f1, precision = rows["f1_mean"].mean(), rows["average_precision_mean"].mean()
        some = "" if len(rows) == len(results) else f"<br>{len(rows)} tasks"
        return f"{f1:.3f}<br>AP {precision:.3f}<br>{rows['seconds'].median():.2f} s{some}"

    return grid(cell)


def main(kept: str, jobs: str = "2") -> None:
    """Print the tables."""
    work = [(SHARED / f"{t.dataset}.h5ad", t.task, t.name) for t in TASKS]
    found = all_folds(work, config=CONFIG, kept=Path(kept), n_jobs=int(jobs))
    results = {name: core.summarise(folds) for name, folds in found}
    print(f"Mean over {len(TASKS)} tasks:\n\n{overall(results)}\n")
    for real in TASKS:
        result = results[real.name]
        n_cells = len(np.unique(next(iter(result.out_of_fold.values())).cells))
        how_rare = frequency(int(result.table["n_rare"].iloc[0]), n_cells)
        advised = method_label(result.recommended) if result.recommended else "none"
        print(f"<details><summary>{real.name}: {how_rare}; advised: {advised}</summary>\n")
        print(grid(lambda method, result=result: scores(result, method)) + "\n\n</details>\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
