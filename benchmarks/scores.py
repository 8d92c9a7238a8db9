"""README's table of scores, in Markdown: ``python -m benchmarks.scores [FOLDER]``.

The demo always; the real datasets of FOLDER where they are.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import core
from core.data import DEMO_MARKERS, DEMO_TASK, Dataset
from core.text import method_label
from core.wording import frequency

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
TASKS = (
    ("pbmc3k", "Platelet"),
    ("pbmc3k", "DC"),
    ("pbmc_kang_ifnb2800", "Mk"),
    ("pbmc_kang_ifnb2800", "pDC"),
    ("pancreas_baron_neuca", "endothelial"),
    ("pancreas_segerstolpe_neuca", "endothelial"),
)


def tasks(folder: Path) -> Iterator[tuple[Dataset, core.RareTask, int]]:
    """Dataset, task and number of markers."""
    yield core.demo_reference(), DEMO_TASK, DEMO_MARKERS
    for name, rare in TASKS:
        path = folder / f"{name}.h5ad"
        if path.exists():
            yield core.open_dataset(path), core.RareTask("cell_type", rare), 50


def rows(dataset: Dataset, task: core.RareTask, n_markers: int) -> Iterator[str]:
    """One line per method."""
    config = core.TrainingConfig(markers=n_markers)
    result = core.summarise(core.iter_folds(dataset, task, config))
    truth = dataset.rare_labels(task)
    name = f"{dataset.name}, {task.rare}: {frequency(truth.n_rare, truth.n_rare + truth.n_other)}"
    for method, row in result.table.iterrows():
        best = " ←" if method == result.recommended else ""
        yield (
            f"| {name} | {method_label(method)}{best} | {row.tp:.0f} of {row.tp + row.fn:.0f} "
            f"| {row.fp:.0f} | {row.f1_mean:.2f} ± {row.f1_sd:.2f} "
            f"| {row.f1_low:.2f}–{row.f1_high:.2f} | {row.average_precision_mean:.2f} |"
        )
        name = ""


def main(folder: Path = SHARED) -> None:
    """Print the table."""
    names = ("dataset, rare type", "method (←: advised)", "found", "false calls")
    print(f"| {' | '.join(names)} | F1 ± sd | 95 % | AP |")
    print("|---|---|--:|--:|--:|--:|--:|")
    for task in tasks(folder):
        for row in rows(*task):
            print(row)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
