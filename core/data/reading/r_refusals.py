"""Refusals of R objects that are not read, with the lines of R that write what is."""

from __future__ import annotations

import json
from pathlib import Path

from core.errors import DataError

__all__ = ["no_expression", "unreadable"]

_SAVE = 'save(counts, meta, file = "cells.RData")'
_LINES = {
    "Seurat": (
        "library(Seurat); x <- {load}",
        'counts <- as(x[["RNA"]]@counts, "CsparseMatrix"); meta <- x[[]]',
        _SAVE,
    ),
    "Seurat5": (
        "library(Seurat); x <- {load}",
        'counts <- as(LayerData(JoinLayers(x, assay = "RNA"), assay = "RNA", layer = "counts"), '
        '"dgCMatrix"); meta <- x[[]]',
        _SAVE,
    ),
    "SingleCellExperiment": (
        "library(SingleCellExperiment); x <- {load}",
        'counts <- as(assay(x, "counts"), "dgCMatrix"); meta <- as.data.frame(colData(x))',
        _SAVE,
    ),
    "list": (
        "library(Matrix); x <- {load_all}",
        'counts <- as(as.matrix(x[[1]]), "CsparseMatrix")  # 1: which one is the matrix',
        'saveRDS(counts, "cells.rds")',
    ),
    "": (
        "library(Matrix); x <- {load}",
        'counts <- as(as.matrix(x), "CsparseMatrix")  # genes in rows, with their names',
        'saveRDS(counts, "cells.rds")',
    ),
}


def unreadable(name: str, found: str, kind: str = "") -> DataError:
    """Refuse an object of a class that is not read.

    Parameters
    ----------
    name : str
        The file's name.
    found : str
        Class of what was found.
    kind : str
        What it is, or is part of: ``"Seurat"``, ``"Seurat5"``, ``"SingleCellExperiment"``,
        ``"list"`` (of objects, one of which is wanted); else something that R can make a matrix of.
    """
    quoted = json.dumps(name, ensure_ascii=False)
    load = f"get(load({quoted})[1])" if _is_image(name) else f"readRDS({quoted})"
    load_all = f"mget(load({quoted}))" if _is_image(name) else load
    lines = "\n".join(_LINES[kind]).replace("{load}", load).replace("{load_all}", load_all)
    return DataError(
        f"{name} holds an R object of class {found[:80]!r}, which Needle does not read.",
        code="E-R-UNREADABLE",
        next_step=f"In R, write what Needle reads, and load that:\n{lines}",
    )


def no_expression(name: str) -> DataError:
    """Refuse an object in which no matrix of counts or normalised values is left."""
    return DataError(
        f"{name} has no counts and no normalised expression values in it.",
        code="E-NO-EXPRESSION",
        next_step="Save the object as it was before counts and data were removed from it.",
    )


def _is_image(name: str) -> bool:
    return Path(name).suffix.lower() in (".rdata", ".rda", ".robj")
