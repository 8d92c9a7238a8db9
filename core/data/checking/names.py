"""Names of cells and genes: each once, none empty, none a paragraph."""

from __future__ import annotations

import pandas as pd

from core.data.checking.columns import LONGEST_LABEL, shortened
from core.data.checking.text import counted, listed, quoted
from core.data.genes import make_names_unique
from core.errors import Finding

__all__ = ["judge_names", "unique_names"]

_LONGEST_NAME = 200


def unique_names(names: pd.Index, what: str, code: str) -> tuple[pd.Index, list[Finding]]:
    """Make names unique, and say so.

    Parameters
    ----------
    names : pandas.Index
        Of all cells or all genes.
    what : {"cell", "gene"}
        What they are names of.
    code : str
        ``"F-DUPLICATE-CELLS"`` or ``"F-DUPLICATE-GENES"``.

    Returns
    -------
    names : pandas.Index of str
        All different.
    findings : list of Finding
        One, if any name was changed.
    """
    names = pd.Index([shortened(str(name), LONGEST_LABEL) for name in names], dtype=object)
    unique, changed = make_names_unique(names)
    if not changed.any():
        return unique, []
    some = listed(map(quoted, dict.fromkeys(names[changed])))
    return unique, [
        Finding(
            code,
            f"{counted(int(changed.sum()), f'repeated {what} name')} got a suffix -1, -2, … "
            f"({some}).",
        )
    ]


def judge_names(cells: pd.Index, genes: pd.Index) -> list[Finding]:
    """Say which names are empty or absurdly long.

    Returns
    -------
    list of Finding
        ``W-NAMES-ODD``.
    """
    said = []
    for what, names in (("cell", cells), ("gene", genes)):
        names = names.astype(str)
        lengths = names.str.len()
        n_empty = int((names.str.strip() == "").sum())
        long = names[lengths > _LONGEST_NAME]
        if n_empty:
            said.append(f"{counted(n_empty, what)} without a name")
        if len(long):
            longest = f"{counted(len(long), what)} with a name of more than {_LONGEST_NAME} letters"
            said.append(f"{longest} ({listed(map(quoted, long), most=1)})")
    if not said:
        return []
    return [
        Finding(
            "W-NAMES-ODD",
            f"The file has {', '.join(said)}.",
            "See whether names and values stand in the columns that they belong to.",
        )
    ]
