"""Put several 10x samples into one table: each gene once, also where their gene lists differ."""

from __future__ import annotations

import itertools
import re
import warnings
from collections.abc import Mapping, Sequence

import anndata as ad
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from core.errors import Finding

__all__ = ["together"]

Places = npt.NDArray[np.intp]

_MOST_SAMPLES_NAMED = 5
# The same gene has another version in another release of the annotation.
_VERSION = re.compile(r"^(ENS[A-Z]*\d+)\.\d+$")


def together(read: Mapping[str, ad.AnnData]) -> tuple[ad.AnnData, tuple[Finding, ...]]:
    """Stack samples on all genes that any of them has.

    Genes are the same by their id where every sample gives ids, and by their symbol otherwise.

    Parameters
    ----------
    read : mapping of str to anndata.AnnData
        By name of the sample: cells × genes as sparse counts, with or without ``var["gene_ids"]``.

    Returns
    -------
    adata : anndata.AnnData
        All cells × all genes, in the order of the first sample and then as the others add them;
        ``obs["sample"]``, and cells called by their sample and barcode.
    findings : tuple of Finding
        ``W-GENES-PARTLY`` where a sample's list lacks genes, whose values are 0 there.
    """
    adatas = list(read.values())
    keys = [_numbered(each) for each in _identities(adatas)]
    genes = pd.Index(list(dict.fromkeys(itertools.chain.from_iterable(keys))), dtype=object)
    places = [genes.get_indexer(pd.Index(each, dtype=object)) for each in keys]
    matrix = sparse.vstack(
        [_moved(a.X, p, len(genes)) for a, p in zip(adatas, places, strict=True)], format="csr"
    )
    titles = np.repeat(np.array(list(read), dtype=object), [each.n_obs for each in adatas])
    cells = [f"{title}_{cell}" for title, each in read.items() for cell in each.obs_names]
    obs = pd.DataFrame({"sample": pd.Categorical(titles)}, index=pd.Index(cells, dtype=object))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names are made unique later
        whole = ad.AnnData(X=matrix, obs=obs, var=_all_genes(adatas, places, len(genes)))
    return whole, _partly(dict(zip(read, places, strict=True)), len(genes))


def _identities(adatas: Sequence[ad.AnnData]) -> list[list[str]]:
    """What tells, in each sample, which gene is which."""
    symbol_of: dict[str, str] = {}
    for adata in adatas:
        if "gene_ids" in adata.var:
            symbol_of |= dict(zip(_ids(adata.var["gene_ids"]), adata.var_names, strict=True))
    symbols = set(symbol_of.values())
    ids: list[list[str] | None] = []
    for adata in adatas:
        found = _ids(adata.var.get("gene_ids", adata.var_names))
        # A list of one column has symbols or ids: what the other samples call so.
        n_ids, n_symbols = sum(n in symbol_of for n in found), sum(n in symbols for n in found)
        ids.append(found if "gene_ids" in adata.var or n_ids > n_symbols else None)
    if all(each is not None for each in ids):
        return ids
    return [
        list(adata.var_names)
        if each is None or "gene_ids" in adata.var
        else [symbol_of.get(name, name) for name in each]
        for adata, each in zip(adatas, ids, strict=True)
    ]


def _ids(names: Sequence[str]) -> list[str]:
    return [_VERSION.sub(r"\1", str(name)) for name in names]


def _numbered(names: Sequence[str]) -> list[str]:
    """Names made unique; the second gene of a name goes with the other samples' second."""
    names = pd.Series(np.asarray(names, dtype=object))
    return (names + "\n" + names.groupby(names).cumcount().astype(str)).tolist()


def _moved(matrix: sparse.csr_matrix, places: Places, n_genes: int) -> sparse.csr_matrix:
    """A sample's values at the places that its genes have among all."""
    shape = (matrix.shape[0], n_genes)
    if np.array_equal(places, np.arange(len(places))):  # in order already
        return sparse.csr_matrix((matrix.data, matrix.indices, matrix.indptr), shape=shape)
    parts = (matrix.data.copy(), places[matrix.indices], matrix.indptr)
    moved = sparse.csr_matrix(parts, shape=shape)
    moved.sort_indices()
    return moved


def _all_genes(
    adatas: Sequence[ad.AnnData], places: Sequence[Places], n_genes: int
) -> pd.DataFrame:
    """Columns and names of all genes: of each gene, what the first sample says that has it."""
    columns = list(dict.fromkeys(name for adata in adatas for name in adata.var.columns))
    var = {name: np.full(n_genes, "", dtype=object) for name in columns}
    names, spare = (np.full(n_genes, "", dtype=object) for _ in range(2))
    for adata, place in zip(reversed(adatas), reversed(places), strict=True):
        for name in adata.var.columns:
            _fill(var[name], place, adata.var[name])
        _fill(spare, place, adata.var_names)
    ids = set(var.get("gene_ids", ()))
    for adata, place in zip(reversed(adatas), reversed(places), strict=True):
        # Where one sample has but an id, another may have the symbol.
        _fill(names, place, ["" if name in ids else name for name in adata.var_names])
    names = np.where(names == "", spare, names)
    return pd.DataFrame(var, index=pd.Index(names, dtype=object))


def _fill(column: npt.NDArray[np.object_], places: Places, values: Sequence[str]) -> None:
    values = np.asarray(values, dtype=object)
    is_filled = values != ""
    column[places[is_filled]] = values[is_filled]


def _partly(places: Mapping[str, Places], n_genes: int) -> tuple[Finding, ...]:
    n_samples = np.bincount(np.concatenate([*places.values()]), minlength=n_genes)
    n_partly = int((n_samples < len(places)).sum())
    if not n_partly:
        return ()
    lacking = {title: n_genes - len(place) for title, place in places.items()}
    lacking = [(title, n_lacking) for title, n_lacking in lacking.items() if n_lacking]
    listed = ", ".join(
        f"{title[:80]!r} lacks {n_lacking:,}" for title, n_lacking in lacking[:_MOST_SAMPLES_NAMED]
    )
    more = ", …" if len(lacking) > _MOST_SAMPLES_NAMED else ""
    return (
        Finding(
            "W-GENES-PARTLY",
            f"{n_partly:,} of {n_genes:,} genes are not in the gene list of every sample "
            f"({listed}{more}); in the cells of a sample that lacks a gene its value is 0.",
            "Such genes can look as if they marked a sample. Load samples that were counted with "
            "the same gene list, or choose one sample.",
        ),
    )
