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
METHODS = ("none+lr", "loras+lr", "loras+knn")


def main(folder: Path = SHARED) -> None:
    """Print the table."""
    print("| reference → query, rare type | method | found | false calls |\n|---|---|--:|--:|")
    for reference, rare, query, same in PAIRS:
        cells = core.open_dataset(folder / f"{query}.h5ad")
        truth = (cells.labels("cell_type") == same).to_numpy()
        name = f"{reference} → {query}, {rare}"
        for method in METHODS:
            known = core.open_dataset(folder / f"{reference}.h5ad")
            task, config = core.RareTask("cell_type", rare), core.TrainingConfig()
            result = core.annotate(core.train(known, task, config, method=method), cells)
            called = (result.table["call"] == rare).to_numpy()
            found, wrong = (called & truth).sum(), (called & ~truth).sum()
            print(f"| {name} | {method_label(method)} | {found} of {truth.sum()} | {wrong} |")
            name = ""


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
