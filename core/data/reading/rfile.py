"""Read R data files (.rds and .RData) without R."""

from __future__ import annotations

import struct
import warnings
import zlib
from dataclasses import replace

import pandas as pd
from rdata.parser import RObject, RObjectType

from core.data.choices import Choices
from core.data.formats import damaged
from core.data.reading.cells import ReadCells
from core.data.reading.r_cells import RCells, to_cells
from core.data.reading.r_experiment import is_experiment, read_experiment
from core.data.reading.r_frames import aligned, is_frame, read_frame
from core.data.reading.r_matrices import is_matrix
from core.data.reading.r_objects import attributes, class_name, integers, named_values, pairs
from core.data.reading.r_parser import parse
from core.data.reading.r_refusals import unreadable
from core.data.reading.r_seurat import is_seurat, read_seurat
from core.data.reading.r_stream import open_stream
from core.data.reading.r_tables import read_single_matrix, read_table
from core.data.source import Source
from core.errors import DataError

__all__ = ["read"]

# What parsing raises on files that are cut short, damaged or of no known make.
_DAMAGE = (
    OSError,
    EOFError,
    AttributeError,
    LookupError,
    ValueError,
    TypeError,
    ArithmeticError,
    AssertionError,
    NotImplementedError,
    UnboundLocalError,  # rdata, at a built-in function without a name
    struct.error,
    zlib.error,
)


def read(source: Source, choices: Choices) -> ReadCells:
    """Read the dataset in an R data file.

    Matrices (dense or of package Matrix), tables, SingleCellExperiment and Seurat objects are
    read, by themselves or among others. A table of the same cells beside a matrix is its labels.

    Parameters
    ----------
    source : Source
        One .rds or .RData file.
    choices : Choices
        Takes up ``C-OBJECT`` (which one) and ``C-ORIENTATION`` (which way it lies).

    Returns
    -------
    ReadCells

    Raises
    ------
    DataError
        ``E-R-UNREADABLE``, ``E-NO-EXPRESSION``, ``E-TABLE-NAMES``, ``E-FILE-DAMAGED``,
        ``E-EXPANDS``, ``E-TOO-LARGE`` or ``E-TOO-DEEP``.
    """
    (path,) = source.files
    try:
        with warnings.catch_warnings(), open_stream(path) as stream:
            warnings.simplefilter("ignore")  # rdata warns of tags that it passes over
            content = parse(stream)
        return to_cells(_dataset(content, stream.whole, path.name, choices), path.name)
    except RecursionError as error:
        raise _too_deep(path.name) from error
    except MemoryError as error:
        raise _too_large(path.name) from error
    except _DAMAGE as error:
        raise damaged(path, "an R data file") from error


def _dataset(content: RObject, whole: bool, name: str, choices: Choices) -> RCells:
    """Find the dataset among what a file holds, and read it."""
    if not whole and class_name(content) != "list":
        return _read_object(content, name, choices)
    objects = pairs(content) if whole else named_values(content)
    datasets = {key: value for key, value in objects.items() if _rank(value)}
    if not datasets:
        kinds = dict.fromkeys(map(class_name, objects.values()))
        raise unreadable(name, ", ".join(kinds) or "list()", "list")
    if len(datasets) == 1:
        (chosen,) = datasets
        return _with_labels(chosen, objects, name, choices)
    # A table about the cells of a matrix is no dataset of its own.
    best = min(datasets, key=lambda key: (_rank(datasets[key]), -_n_values(datasets[key])))
    trial = _trial(datasets[best], name, choices)
    others = {key: each for key, each in datasets.items() if not _is_about(each, trial)}
    chosen = best
    if len(others) > 1:
        chosen = choices.ask(
            "C-OBJECT",
            f"{name} holds {len(others):,} objects that could be the dataset.",
            {key: _described(value) for key, value in others.items()},
            suggested=best,
        )
    return _with_labels(chosen, objects, name, choices)


_COMPLETE, _SPARSE, _DENSE, _TABLE = 1, 2, 3, 4


def _rank(value: RObject) -> int:
    """How likely an object is a dataset: 1 is likeliest, 0 is none."""
    if is_seurat(value) or is_experiment(value):
        return _COMPLETE
    if is_matrix(value):
        return _DENSE if class_name(value) in ("matrix", "table") else _SPARSE
    if is_frame(value):
        numbers = [
            each.info.type in (RObjectType.INT, RObjectType.REAL) for each in _columns(value)
        ]
        return _TABLE if sum(numbers) > 1 else 0
    return 0


def _trial(value: RObject, name: str, choices: Choices) -> RCells | None:
    """Read what other objects may be about, if it can be read; its questions are put later."""
    if _rank(value) == _TABLE:
        return None
    try:
        return _read_object(value, name, Choices(choices.answers))
    except DataError:  # another object may be chosen; if not, it is refused then
        return None


def _columns(value: RObject) -> list[RObject]:
    return [each for each in named_values(value).values() if "levels" not in attributes(each)]


def _read_object(value: RObject, name: str, choices: Choices) -> RCells:
    if is_seurat(value):
        return read_seurat(value, name)
    if is_experiment(value):
        return read_experiment(value, name)
    if is_matrix(value):
        return read_single_matrix(value, name, choices)
    if is_frame(value):
        return read_table(value, name, choices)
    raise unreadable(name, class_name(value))


def _with_labels(chosen: str, objects: dict[str, RObject], name: str, choices: Choices) -> RCells:
    """Read one object, with columns of the tables beside it that are about its cells."""
    found = _read_object(objects[chosen], name, choices)
    if _rank(objects[chosen]) == _COMPLETE or found.cells is None:
        return found
    tables = [] if found.obs is None else [found.obs]
    for key, value in objects.items():
        table = (
            aligned(read_frame(value), found.cells) if key != chosen and is_frame(value) else None
        )
        if table is not None:
            tables.append(table)
    if not tables:
        return found
    index = pd.Index(found.cells, dtype=object)
    obs = pd.concat([table.set_axis(index, axis=0) for table in tables], axis=1)
    return replace(found, obs=obs.loc[:, ~obs.columns.duplicated()])


def _is_about(value: RObject, found: RCells | None) -> bool:
    """Whether an object is a table about the cells of a dataset."""
    if found is None or not found.cells or not is_frame(value):
        return False
    return aligned(read_frame(value), found.cells) is not None


def _n_values(value: RObject) -> int:
    own = attributes(value)
    if is_frame(value):
        return sum(len(each.value) for each in _columns(value) if hasattr(each.value, "__len__"))
    return int(integers(own.get("Dim", own.get("dim"))).prod())


def _described(value: RObject) -> str:
    own = attributes(value)
    shape = integers(own.get("Dim", own.get("dim")))
    if is_frame(value):
        return f"{class_name(value)} with {len(named_values(value)):,} columns"
    if len(shape) != 2:
        return f"{class_name(value)} object"
    return f"{class_name(value)} of {shape[0]:,} × {shape[1]:,}"


def _too_deep(name: str) -> DataError:
    return DataError(
        f"{name} has objects within objects to a depth that no dataset has.",
        code="E-TOO-DEEP",
        next_step="Save the matrix of counts by itself and load that.",
    )


def _too_large(name: str) -> DataError:
    return DataError(
        f"{name} does not fit into memory.",
        code="E-TOO-LARGE",
        next_step="Save the counts as a sparse matrix, or save fewer cells, and load that.",
    )
