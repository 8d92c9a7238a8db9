"""The tasks: a reference, a rare type of it, and a query of another study."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import anndata as ad
import numpy as np
import numpy.typing as npt
import pandas as pd

import core
from core.data import Dataset

__all__ = ["LABEL", "TASKS", "Case", "Transfer", "absent_cases", "full_cases"]

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
LABEL = "cell_type"
BARON, SEGERSTOLPE = "pancreas_baron_neuca", "pancreas_segerstolpe_neuca"
PBMC3K, KANG, SYMPHONY = "pbmc3k", "pbmc_kang_ifnb2800", "pbmc_symphony_lognorm"
SHORT = {BARON: "Baron", SEGERSTOLPE: "Segerstolpe", KANG: "Kang", SYMPHONY: "Symphony"}


@dataclass(frozen=True)
class Transfer:
    """A rare type of a reference, to be found in a query whose authors may call it otherwise."""

    reference: str
    rare: str
    query: str
    same: str

    @property
    def name(self) -> str:
        """For a table."""
        studies = " → ".join(SHORT.get(name, name) for name in (self.reference, self.query))
        return f"{studies}, {self.rare}"

    @property
    def task(self) -> core.RareTask:
        """As the library wants it."""
        return core.RareTask(LABEL, self.rare)


TASKS = (
    Transfer(BARON, "endothelial", SEGERSTOLPE, "endothelial"),
    Transfer(PBMC3K, "Platelet", KANG, "Mk"),
    Transfer(PBMC3K, "DC", KANG, "DC"),
    Transfer(PBMC3K, "NK", KANG, "NK"),
    Transfer(KANG, "Mk", PBMC3K, "Platelet"),
    Transfer(KANG, "DC", PBMC3K, "DC"),
    Transfer(KANG, "NK", PBMC3K, "NK"),
    Transfer(PBMC3K, "Platelet", SYMPHONY, "MK"),
)


@dataclass(frozen=True, eq=False)
class Case:
    """A task with its cells; the query's labels serve for scoring only.

    Parameters
    ----------
    transfer : Transfer
        The task.
    reference, query : Dataset
        Its cells; the query is opened anew for each case, so that none profits from another one.
    is_rare : bool array of shape (n_cells,)
        Which cells of the query are of the rare type.
    """

    transfer: Transfer
    reference: Dataset
    query: Dataset
    is_rare: npt.NDArray[np.bool_]

    @property
    def is_absent(self) -> bool:
        """Whether the query has no cell of the type."""
        return not self.is_rare.any()


@cache
def open_reference(name: str) -> Dataset:
    """Open one of the references, once."""
    return core.open_dataset(SHARED / f"{name}.h5ad")


def full_cases() -> Iterator[Case]:
    """Every task, on the query as it is."""
    for transfer in TASKS:
        query = core.open_dataset(SHARED / f"{transfer.query}.h5ad")
        is_rare = (query.labels(LABEL) == transfer.same).to_numpy()
        yield Case(transfer, open_reference(transfer.reference), query, is_rare)


def absent_cases(folder: Path) -> Iterator[Case]:
    """Every task, on the query without its cells of the rare type.

    Parameters
    ----------
    folder : pathlib.Path
        Where the cut files are written.
    """
    for case in full_cases():
        transfer, kept = case.transfer, ~case.is_rare
        path = folder / f"{transfer.query} without {transfer.same}.h5ad"
        write_subset(case.query, kept, path)
        query = core.open_dataset(path)
        nobody = np.zeros(query.n_cells, dtype=bool)
        yield Case(transfer, case.reference, query, nobody)


def write_subset(dataset: Dataset, kept: npt.NDArray[np.bool_], path: Path) -> None:
    """Write some cells with the values that their file had, and no labels."""
    cells = ad.AnnData(
        dataset.stored_matrix().tocsr()[kept],
        obs=pd.DataFrame(index=dataset.cells[kept]),
        var=pd.DataFrame(index=dataset.genes),
    )
    cells.write_h5ad(path)
