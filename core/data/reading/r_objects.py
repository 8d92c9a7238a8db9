"""Look into parsed R objects: class, attributes, names, columns."""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from rdata.parser import RObject, RObjectType

__all__ = [
    "attributes",
    "class_name",
    "column",
    "environment_values",
    "integers",
    "named_values",
    "pairs",
    "resolved",
    "texts",
]

MISSING = -(2**31)

_IMPLICIT_CLASSES = {
    RObjectType.VEC: "list",
    RObjectType.LIST: "pairlist",
    RObjectType.CLO: "function",
    RObjectType.ENV: "environment",
    RObjectType.LANG: "call",
    RObjectType.STR: "character",
    RObjectType.INT: "integer",
    RObjectType.REAL: "numeric",
    RObjectType.LGL: "logical",
    RObjectType.CPLX: "complex",
    RObjectType.NILVALUE: "NULL",
    RObjectType.S4: "S4 object",
}


def resolved(value: RObject) -> RObject:
    """Follow a reference to the object that it stands for."""
    return value.referenced_object or value


def pairs(pairlist: RObject | None) -> dict[str, RObject]:
    """Values of an R pairlist by their tags, in order."""
    found: dict[str, RObject] = {}
    while pairlist is not None and pairlist.info.type is RObjectType.LIST:
        value, rest = pairlist.value
        if pairlist.tag is not None:
            name = resolved(pairlist.tag).value.value.decode("utf-8", "replace")
            found[name] = resolved(value)
        pairlist = rest
    return found


def attributes(value: RObject) -> dict[str, RObject]:
    """Attributes of an R object, which are also the slots of an S4 object."""
    return pairs(value.attributes)


def class_name(value: RObject) -> str:
    """First class of an R object, by its attribute or by what it is made of."""
    own = attributes(value)
    names = texts(own.get("class"))
    if names and names[0]:
        return names[0]
    if "dim" in own:
        return "matrix" if len(integers(own["dim"])) == 2 else "array"
    return _IMPLICIT_CLASSES.get(value.info.type, value.info.type.name.lower())


def texts(value: RObject | None) -> list[str | None]:
    """Text of a character vector; empty for anything else."""
    if value is None or value.info.type is not RObjectType.STR:
        return []
    return cast("list[str | None]", value.value)


def integers(value: RObject | None) -> npt.NDArray[np.int64]:
    """Whole numbers of a vector; empty for anything else."""
    if value is None or value.info.type not in (RObjectType.INT, RObjectType.REAL):
        return np.empty(0, np.int64)
    return value.value.astype(np.int64)


def named_values(value: RObject | None) -> dict[str, RObject]:
    """Elements of an R list, or of Bioconductor's ``SimpleList``, by their names.

    An element without a name is called by its place, ``[[1]]`` for the first.
    """
    if value is None:
        return {}
    own = attributes(value)
    if "listData" in own:
        return named_values(own["listData"])
    if value.info.type is not RObjectType.VEC:
        return {}
    names: list[str | None] = texts(own.get("names")) or [None] * len(value.value)
    each = enumerate(zip(names, value.value, strict=True), start=1)
    return {name or f"[[{i}]]": resolved(element) for i, (name, element) in each}


def environment_values(value: RObject | None) -> dict[str, RObject]:
    """Values of an R environment by their names; empty for anything else."""
    if value is None or value.info.type is not RObjectType.ENV or value.value is None:
        return {}
    table = value.value.hash_table
    chains = table.value if table.info.type is RObjectType.VEC else []
    return {
        name: each for chain in [value.value.frame, *chains] for name, each in pairs(chain).items()
    }


def column(value: RObject, n: int) -> pd.Series | None:
    """One column of a table, or ``None`` when it is not a plain column of `n` values."""
    own = attributes(value)
    if class_name(value) == "Rle":
        return _run_lengths(own, n)
    if "dim" in own or not isinstance(value.value, list | np.ndarray) or len(value.value) != n:
        return None
    if "levels" in own:
        return _factor(value.value, texts(own["levels"]))
    match value.info.type:
        case RObjectType.STR:
            return pd.Series(value.value, dtype=object)
        case RObjectType.REAL:
            return pd.Series(value.value)
        case RObjectType.INT:
            missing = value.value == MISSING
            return pd.Series(
                np.where(missing, np.nan, value.value) if missing.any() else value.value
            )
        case RObjectType.LGL:
            is_true = pd.Series(value.value != 0)
            missing = value.value == MISSING
            return is_true.astype(object).mask(missing, None) if missing.any() else is_true
    return None


def _factor(codes: npt.NDArray, levels: list[str | None]) -> pd.Series:
    names = [level if level is not None else "NA" for level in levels]
    codes = np.where(codes == MISSING, 0, codes).astype(np.int64) - 1
    if codes.size and not (codes.min() >= -1 and codes.max() < len(names)):
        raise ValueError("a factor has codes without a level")
    return pd.Series(pd.Categorical.from_codes(codes, pd.Index(names)))


def _run_lengths(own: dict[str, RObject], n: int) -> pd.Series | None:
    """Write out Bioconductor's ``Rle``: values, each with how many times it comes in a row."""
    lengths = integers(own["lengths"])
    values = column(own["values"], len(lengths))
    if values is None or (lengths < 0).any() or lengths.sum() != n:
        return None
    return values.repeat(lengths).reset_index(drop=True)
