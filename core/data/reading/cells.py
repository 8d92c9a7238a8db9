"""What every reader returns."""

from __future__ import annotations

from dataclasses import dataclass

import anndata as ad

from core.errors import Finding

__all__ = ["ReadCells"]


@dataclass(frozen=True, eq=False)
class ReadCells:
    """Cells as a file has them, complete and sound, but not yet judged.

    Parameters
    ----------
    adata : anndata.AnnData
        ``X``, ``layers`` and ``raw`` with whatever may be expression (numbers, cells × genes; dense
        or sparse with valid, sorted indices), ``obs``, ``var``, names as they are in the file, and
        ``obsm["X_umap"]`` if there is one. Nothing else is read.
    format : str
        What the screen calls the format, such as ``"10x Genomics .h5"``.
    findings : tuple of Finding
        What the reader repaired (``F-``) or finds odd (``W-``).
    """

    adata: ad.AnnData
    format: str
    findings: tuple[Finding, ...] = ()
