"""Bioconductor's SummarizedExperiment and everything built on it, such as SingleCellExperiment."""

from __future__ import annotations

import numpy.typing as npt
import pandas as pd
from rdata.parser import RObject
from scipy import sparse

from core.data.reading.r_cells import RCells
from core.data.reading.r_frames import is_frame, read_frame
from core.data.reading.r_matrices import is_matrix, read_matrix
from core.data.reading.r_objects import (
    attributes,
    class_name,
    environment_values,
    named_values,
    texts,
)
from core.data.reading.r_refusals import no_expression, unreadable

__all__ = ["is_experiment", "read_experiment"]


def is_experiment(value: RObject) -> bool:
    """Whether an R object has the parts of a SummarizedExperiment."""
    return {"assays", "colData"} <= attributes(value).keys()


def read_experiment(value: RObject, name: str) -> RCells:
    """Read assays, labels, gene names and the map of an experiment.

    Parameters
    ----------
    value : rdata.parser.RObject
        Something that :func:`is_experiment`.
    name : str
        The file's name.

    Raises
    ------
    DataError
        ``E-R-UNREADABLE`` or ``E-NO-EXPRESSION``.
    """
    own = attributes(value)
    assays = _assays(own["assays"], name)
    for assay in assays.values():
        if not is_matrix(assay):
            raise unreadable(name, class_name(assay), "SingleCellExperiment")
    if not assays:
        raise no_expression(name)
    matrices = {role: read_matrix(assay, name) for role, assay in assays.items()}
    if "counts" in matrices:  # the first decides which genes and cells there are
        matrices = {"counts": matrices.pop("counts"), **matrices}
    first = next(iter(matrices.values()))
    n_genes, n_cells = first.shape
    obs = _table(own["colData"], n_cells)
    genes = _gene_names(own) or first.rows
    cells = texts(attributes(own["colData"]).get("rownames")) or first.columns
    if (genes is not None and len(genes) != n_genes) or (cells and len(cells) != n_cells):
        raise ValueError("an experiment has more or fewer names than genes or cells")
    gene_data = attributes(own["rowRanges"]) if "rowRanges" in own else own
    var = _table(gene_data.get("elementMetadata"), n_genes)
    umap = _umap(own, name)
    return RCells(matrices, _filled(genes), _filled(cells), obs, var, umap)


def _assays(value: RObject, name: str) -> dict[str, RObject]:
    """Matrices by their names; before 2020 they were kept in an environment."""
    parts = attributes(value)
    fields = environment_values(parts.get(".xData"))
    # A field with a check on it stands behind a function of its name.
    inside = parts.get("data", fields.get(".->data", fields.get("data")))
    if inside is None and class_name(value) != "SimpleList":
        raise unreadable(name, class_name(value), "SingleCellExperiment")
    return named_values(inside or value)


def _table(value: RObject | None, n: int) -> pd.DataFrame | None:
    if value is None or not is_frame(value):
        return None
    table = read_frame(value)
    return table if len(table) == n else None


def _gene_names(own: dict[str, RObject]) -> list[str | None]:
    """Names of rows, which an experiment keeps with their places on the genome if it has these."""
    if "rowRanges" not in own:
        return texts(own.get("NAMES"))
    ranges = attributes(own["rowRanges"])
    inside = ranges.get("partitioning", ranges.get("ranges"))
    return texts(attributes(inside).get("NAMES")) if inside is not None else []


def _filled(names: list[str | None] | None) -> list[str] | None:
    return [name or "" for name in names] if names else None


def _umap(own: dict[str, RObject], name: str) -> npt.NDArray | None:
    kept = own.get("reducedDims")  # where it stood before 2019
    if kept is None:
        kept = named_values(own.get("int_colData")).get("reducedDims")
    maps = named_values(kept)
    found = [key for key in maps if "umap" in key.lower()]
    if not found or not is_matrix(maps[found[0]]):
        return None
    values = read_matrix(maps[found[0]], name).values
    return None if sparse.issparse(values) else values
