"""Read matrices from HDF5: checked before anything follows what they say of themselves."""

from __future__ import annotations

from collections.abc import Iterator

import h5py
import numpy as np
import numpy.typing as npt
from scipy import sparse

from core.data.reading.hdf5_storage import broken, claimed_bytes, file_name, require_readable
from core.data.reading.hdf5_values import is_numeric, native, numbers
from core.data.reading.limits import require_fits
from core.errors import Finding

__all__ = ["Matrices", "Matrix"]

Matrix = npt.NDArray | sparse.csr_matrix | sparse.csc_matrix

_BLOCK_BYTES = 64 * 2**20
# Up to here a dense matrix is kept as it is; beyond, only if most of it is not zero.
_SMALL = 4 * _BLOCK_BYTES
_LARGEST_INT32 = np.iinfo(np.int32).max


class Matrices:
    """The matrices of one file; keeps account of their size and of what was put in order.

    Parameters
    ----------
    file : h5py.File
        Open, and found harmless.

    Attributes
    ----------
    n_bytes : int
        What the matrices that were read take up.
    unordered : list of str
        Those whose values were not in order.
    """

    def __init__(self, file: h5py.File) -> None:
        self.name = file_name(file)
        self.n_bytes = 0
        self.unordered: list[str] = []

    @property
    def findings(self) -> tuple[Finding, ...]:
        """``F-ORDER``, if something had to be put in order."""
        if not self.unordered:
            return ()
        places = ", ".join(repr(place[:80]) for place in self.unordered[:5])
        return (
            Finding(
                "F-ORDER",
                f"The values of {places} were not in the order that sparse matrices need, or came "
                "twice for one cell and gene; they were put in order and added up.",
            ),
        )

    def dense(self, dataset: h5py.Dataset, shape: tuple[int, int]) -> Matrix:
        """Read a dense matrix; a large one that is mostly zero becomes a CSR matrix on the way.

        Parameters
        ----------
        dataset : h5py.Dataset
            Two-dimensional.
        shape : tuple of int
            That it must have, by the names of cells and genes.

        Raises
        ------
        DataError
            ``E-FILE-DAMAGED`` with another shape, or what :func:`numbers` raises.
        """
        self._require_shape(dataset, shape)
        n_bytes = claimed_bytes(dataset)
        if n_bytes > _SMALL and 3 * self._share_of_values(dataset) < 1:
            return self.packed(dataset, shape)
        self._take(n_bytes, dataset)
        return numbers(dataset)

    def packed(
        self, dataset: h5py.Dataset, shape: tuple[int, int]
    ) -> sparse.csr_matrix | sparse.csc_matrix:
        """Read a dense matrix block by block into a sparse one, so that only its values are held.

        Parameters and errors as in :meth:`dense`.
        """
        self._require_shape(dataset, shape)
        by_rows = _is_cut_by_rows(dataset)
        make = sparse.csr_matrix if by_rows else sparse.csc_matrix
        parts = []
        for block in _blocks(dataset):
            part = make(block.astype(_sparse_dtype(block.dtype), copy=False))
            self._take(part.data.nbytes + part.indices.nbytes, dataset)
            parts.append(part)
        if not parts:
            return make(shape, dtype=_sparse_dtype(native(dataset.dtype)))
        if len(parts) == 1:
            return parts[0]
        return sparse.vstack(parts, "csr") if by_rows else sparse.hstack(parts, "csc")

    def compressed(
        self, group: h5py.Group, shape: tuple[int, int], *, by_rows: bool = True
    ) -> sparse.csr_matrix | sparse.csc_matrix:
        """Read `data`, `indices` and `indptr`, and check every one of them before it is used.

        Parameters
        ----------
        group : h5py.Group
            With these three datasets.
        shape : tuple of int
            Of the result.
        by_rows : bool
            CSR; otherwise CSC.

        Raises
        ------
        DataError
            ``E-FILE-DAMAGED`` when they do not fit together: scipy's code would follow them out
            of the memory that it owns.
        """
        data, indices, indptr = (_part(group, name) for name in ("data", "indices", "indptr"))
        n_major, n_minor = shape if by_rows else shape[::-1]
        n = len(data)
        if len(indices) != n:
            raise broken(group, f"{group.name[:80]!r} has {n:,} values for {len(indices):,} places")
        if len(indptr) != n_major + 1:
            what = "rows" if by_rows else "columns"
            raise broken(
                group, f"{group.name[:80]!r} has {len(indptr) - 1:,} {what}, not {n_major:,}"
            )
        index_type = np.int32 if max(n, *shape) <= _LARGEST_INT32 else np.int64
        dtype = _sparse_dtype(native(data.dtype))
        self._take(n * (dtype.itemsize + np.dtype(index_type).itemsize) + indptr.nbytes, group)
        pointers = numbers(indptr, np.int64)
        if pointers[0] != 0 or pointers[-1] != n or (np.diff(pointers) < 0).any():
            raise broken(
                group, f"the pointers of {group.name[:80]!r} do not lead through its values"
            )
        places = numbers(indices, index_type)
        if n and (places.min() < 0 or places.max() >= n_minor):
            raise broken(group, f"{group.name[:80]!r} has values outside its {n_minor:,} places")
        make = sparse.csr_matrix if by_rows else sparse.csc_matrix
        values = numbers(data, None if data.dtype == bool else dtype)
        matrix = make((values, places, pointers.astype(index_type)), shape=shape, copy=False)
        if not matrix.has_canonical_format:
            is_odd = _some_rows_fall(pointers, places)
            matrix.sum_duplicates()  # sorts as well
            if is_odd or matrix.nnz < n:
                self.unordered.append(group.name)
        return matrix

    def _require_shape(self, dataset: h5py.Dataset, shape: tuple[int, int]) -> None:
        if not isinstance(dataset, h5py.Dataset) or not is_numeric(dataset):
            raise broken(dataset, f"{dataset.name[:80]!r} is no matrix of numbers")
        require_readable(dataset)
        if dataset.shape != tuple(shape):
            came = " × ".join(f"{n:,}" for n in dataset.shape) or "a single number"
            wanted = " × ".join(f"{n:,}" for n in shape)
            raise broken(dataset, f"{dataset.name[:80]!r} is {came}, and the names say {wanted}")

    def _share_of_values(self, dataset: h5py.Dataset) -> float:
        first = next(_blocks(dataset))
        return np.count_nonzero(first) / first.size

    def _take(self, n_bytes: int, thing: h5py.HLObject) -> None:
        self.n_bytes += n_bytes
        require_fits(self.n_bytes, "its matrices", self.name)


def _part(group: h5py.Group, name: str) -> h5py.Dataset:
    part = group.get(name)
    is_list = isinstance(part, h5py.Dataset) and len(part.shape or ()) == 1
    if not is_list or part.dtype.kind not in ("iufb" if name == "data" else "iu"):
        raise broken(group, f"{group.name[:80]!r} has no list of numbers {name!r}")
    return part


def _some_rows_fall(pointers: npt.NDArray[np.int64], places: npt.NDArray[np.integer]) -> bool:
    """Whether few rows are out of order, among others that are in order.

    All rows are after genes were rearranged with scipy, which leaves them so: nothing is wrong.
    """
    starts = pointers[:-1][np.diff(pointers) > 0]
    falls = np.zeros(len(places), dtype=bool)
    np.less(places[1:], places[:-1], out=falls[1:])
    falls[starts] = False
    return 0 < np.logical_or.reduceat(falls, starts).sum() < 0.1 * len(starts)


def _is_cut_by_rows(dataset: h5py.Dataset) -> bool:
    """Whether rows lie together on the disk: along them nothing has to be unpacked twice."""
    chunks, shape = dataset.chunks, dataset.shape
    return chunks is None or chunks[0] * shape[1] <= chunks[1] * shape[0]


def _blocks(dataset: h5py.Dataset) -> Iterator[npt.NDArray]:
    """Blocks of rows, or of columns, of about 64 MB; whole chunks as far as possible."""
    axis = 0 if _is_cut_by_rows(dataset) else 1
    n, across = dataset.shape[axis], dataset.shape[1 - axis]
    dtype = native(dataset.dtype)
    step = max(1, _BLOCK_BYTES // max(1, across * dtype.itemsize))
    if dataset.chunks and step > dataset.chunks[axis]:
        step -= step % dataset.chunks[axis]
    values = dataset if dtype == dataset.dtype else dataset.astype(dtype)
    for start in range(0, n, step):
        part = slice(start, start + step)
        block = values[part] if axis == 0 else values[:, part]
        yield block.view(np.uint8).astype(bool) if block.dtype == bool else block


def _sparse_dtype(dtype: np.dtype) -> np.dtype:
    """Types that scipy's sparse matrices compute with."""
    return np.dtype(np.float32) if dtype == np.float16 else dtype
