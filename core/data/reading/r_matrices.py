"""Matrices of R, dense and sparse, as they stand there: rows by columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rdata.parser import RObject, RObjectType
from scipy import sparse

from core.data.reading.limits import require_fits
from core.data.reading.r_objects import MISSING, attributes, class_name, integers, texts

__all__ = ["RMatrix", "is_matrix", "read_matrix"]

_BY_COLUMN = ("dgCMatrix", "lgCMatrix", "ngCMatrix")
_BY_ROW = ("dgRMatrix", "lgRMatrix", "ngRMatrix")
_BY_TRIPLET = ("dgTMatrix", "lgTMatrix", "ngTMatrix")
_DENSE = ("matrix", "dgeMatrix", "table", "LogMap")

Names = list[str] | None


@dataclass(frozen=True, eq=False)
class RMatrix:
    """A matrix with the names of its rows and columns.

    Parameters
    ----------
    values : array or sparse matrix of shape (n_rows, n_columns)
        Numbers; sparse ones with valid, sorted indices.
    rows, columns : list of str, or None
        Names, where there are any.
    sorted_anew : bool
        Whether indices came in no order, or twice.
    """

    values: npt.NDArray | sparse.csr_matrix | sparse.csc_matrix
    rows: Names
    columns: Names
    sorted_anew: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.values.shape


def is_matrix(value: RObject) -> bool:
    """Whether an R object is a matrix of numbers of a kind that is read."""
    kind = class_name(value)
    if kind in _DENSE:
        numbers = attributes(value).get("x", value) if kind == "dgeMatrix" else value
        return numbers.info.type in (RObjectType.INT, RObjectType.REAL, RObjectType.LGL)
    return kind in _BY_COLUMN + _BY_ROW + _BY_TRIPLET


def read_matrix(value: RObject, name: str) -> RMatrix:
    """Read a matrix, checked.

    Parameters
    ----------
    value : rdata.parser.RObject
        Something that :func:`is_matrix`.
    name : str
        The file's name, for messages.

    Raises
    ------
    ValueError
        When its parts do not fit each other.
    DataError
        ``E-TOO-LARGE``.
    """
    own, kind = attributes(value), class_name(value)
    shape = _shape(own.get("Dim", own.get("dim")))
    rows, columns = _names(own.get("Dimnames", own.get("dimnames")), shape)
    if kind in _DENSE:
        numbers = _numbers(own["x"] if kind == "dgeMatrix" else value)
        if numbers.size != shape[0] * shape[1]:
            raise ValueError("a matrix has more or fewer values than its size says")
        return RMatrix(numbers.reshape(shape, order="F"), rows, columns)
    sparse_, sorted_anew = _sparse(own, kind, shape, name)
    return RMatrix(sparse_, rows, columns, sorted_anew)


def _sparse(
    own: dict[str, RObject], kind: str, shape: tuple[int, int], name: str
) -> tuple[sparse.csr_matrix | sparse.csc_matrix, bool]:
    first = own["j"] if kind in _BY_ROW else own["i"]
    indices = first.value
    values = _numbers(own["x"]) if "x" in own else np.ones(len(indices), np.int8)
    if len(values) != len(indices):
        raise ValueError("a sparse matrix has more or fewer values than places")
    if kind in _BY_TRIPLET:
        columns = own["j"].value
        _require_within(indices, shape[0])
        _require_within(columns, shape[1])
        require_fits(len(values) * 32, "its matrix", name)
        if len(columns) != len(values):
            raise ValueError("a sparse matrix has more or fewer values than places")
        matrix = sparse.csc_matrix((values, (indices, columns)), shape=shape)
        matrix.sort_indices()
        return matrix, False
    by_row = kind in _BY_ROW
    pointers = own["p"].value
    _require_within(indices, shape[1] if by_row else shape[0])
    _require_pointers(pointers, shape[0] if by_row else shape[1], len(indices))
    make = sparse.csr_matrix if by_row else sparse.csc_matrix
    matrix = make((values, indices, pointers), shape=shape)
    sorted_anew = not matrix.has_canonical_format
    if sorted_anew:
        matrix.sum_duplicates()  # sorts as well
    return matrix, sorted_anew


def _require_within(indices: npt.NDArray, n: int) -> None:
    """Refuse what points outside the matrix; scipy's C code would follow it."""
    if indices.dtype.kind != "i" or (
        indices.size and not (indices.min() >= 0 and indices.max() < n)
    ):
        raise ValueError("a sparse matrix points outside itself")


def _require_pointers(pointers: npt.NDArray, n: int, n_values: int) -> None:
    if (
        pointers.dtype.kind != "i"
        or len(pointers) != n + 1
        or pointers[0] != 0
        or pointers[-1] != n_values
        or (np.diff(pointers) < 0).any()
    ):
        raise ValueError("the pointers of a sparse matrix are wrong")


def _numbers(value: RObject) -> npt.NDArray:
    numbers = value.value
    if value.info.type in (RObjectType.INT, RObjectType.LGL):
        missing = numbers == MISSING
        return np.where(missing, np.nan, numbers) if missing.any() else numbers
    if value.info.type is not RObjectType.REAL:
        raise ValueError("a matrix holds something that is not a number")
    return numbers


def _shape(value: RObject | None) -> tuple[int, int]:
    n_rows, n_columns = (int(n) for n in integers(value))
    if n_rows < 0 or n_columns < 0:
        raise ValueError("a matrix has a negative size")
    return n_rows, n_columns


def _names(value: RObject | None, shape: tuple[int, int]) -> tuple[Names, Names]:
    if value is None or value.info.type is not RObjectType.VEC:
        return None, None
    rows, columns = (
        _axis_names(texts(each), n) for each, n in zip(value.value, shape, strict=True)
    )
    return rows, columns


def _axis_names(names: list[str | None], n: int) -> Names:
    if not names:
        return None
    if len(names) != n:
        raise ValueError("a matrix has more or fewer names than rows or columns")
    return [name or "" for name in names]
