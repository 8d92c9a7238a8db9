"""README's table of calls in another lab's data: ``python -m benchmarks.across [FOLDER]``."""

from __future__ import annotations

import sys
from pathlib import Path

import core
from core.text import method_label

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
# Reference, rare type there, query, what its authors call that type.
PAIRS = (
    ("pbmc3k", "Platelet", "pbmc_kang_ifnb2800", "Mk"),
    ("pbmc_kang_ifnb2800", "Mk", "pbmc3k", "Platelet"),
    ("pbmc3k", "DC", "pbmc_kang_ifnb2800", "DC"),
    ("pbmc_kang_ifnb2800", "DC", "pbmc3k", "DC"),
    ("pancreas_baron_neuca", "endothelial", "pancreas_segerstolpe_neuca", "endothelial"),
)
LABEL = "cell_type"
METHODS = ("none+lr", "loras+lr", "loras+knn")


def main(folder: Path = SHARED) -> None:
    """Print the table."""
    names = ("reference → query, rare type", "method", "threshold", "found", "false calls")
    print(f"| {' | '.join(names)} |\n|---|---|--:|--:|--:|")
    for reference, rare, query, same in PAIRS:
        cells = core.open_dataset(folder / f"{query}.h5ad")
        truth = (cells.labels(LABEL) == same).to_numpy()
        name = f"{reference} → {query}, {rare}"
        known, task = core.open_dataset(folder / f"{reference}.h5ad"), core.RareTask(LABEL, rare)
        config = core.TrainingConfig()
        result = core.summarise(core.iter_folds(known, task, config))
        for method in METHODS:
            model = core.train(known, task, config, method=method).with_goal(result)
            called = (core.annotate(model, cells).table["call"] == rare).to_numpy()
            found, wrong = (called & truth).sum(), (called & ~truth).sum()
            print(
                f"| {name} | {method_label(method)} | {model.threshold:.2f} "
                f"| {found} of {truth.sum()} | {wrong} |"
            )
            name = ""


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
