"""How a dataset would have to be loaded for its genes to be found under another one's names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import pandas as pd

from core.data.choices import Choices
from core.data.gene_names import name_genes
from core.errors import Finding

__all__ = ["GeneAdvice", "advise_names"]


@dataclass(frozen=True)
class GeneAdvice:
    """Choices to load a dataset with, and what they would bring.

    Parameters
    ----------
    choices : dict of str to str
        For :func:`core.open_dataset`, such as ``{"W-MOUSE": "human-orthologs"}``.
    n_before, n_after : int
        Wanted genes found as it is loaded now, and with these choices.
    """

    choices: dict[str, str] = field(hash=False)
    n_before: int
    n_after: int

    @property
    def answers(self) -> str:
        """The choices as words of a sentence."""
        return " and ".join(f"{answer!r} for {code}" for code, answer in self.choices.items())


def advise_names(
    wanted: Sequence[str], available: pd.Index, offers: Sequence[Finding] = ()
) -> GeneAdvice | None:
    """Find the fewest choices at loading under which most of the wanted genes would be found.

    Nothing is renamed here: whether two studies may be compared by orthologs, say, is for the user
    to decide.

    Parameters
    ----------
    wanted : sequence of str
        Names to be found, each once.
    available : pandas.Index of str
        Names that the dataset has.
    offers : sequence of Finding
        Findings of the dataset; an offered column of symbols goes before Needle's own table.

    Returns
    -------
    GeneAdvice or None
        ``None`` when no choice finds more genes than there are.

    Examples
    --------
    >>> advise_names(["CD34", "PPBP"], pd.Index(["Cd34", "Ppbp", "Cd3d", "Lyz2", "Ms4a1"])).choices
    {'W-MOUSE': 'human-orthologs'}
    """
    wanted, available = tuple(map(str, wanted)), tuple(map(str, available))
    before = len(set(wanted) & set(available))
    after, choices = _best_way(wanted, available)
    if after <= before:
        return None
    columns = {f.code: _column_of(f) for f in offers if _column_of(f)}
    return GeneAdvice({c: columns.get(c, answer) for c, answer in choices.items()}, before, after)


@lru_cache(maxsize=4)  # a page asks again whenever it is drawn, and the answer takes a second
def _best_way(wanted: tuple[str, ...], available: tuple[str, ...]) -> tuple[int, dict[str, str]]:
    ways = _ways(pd.Index(available, dtype=object), {})
    tried = ((len(set(wanted) & set(names)), choices) for choices, names in ways)
    return max(tried, key=lambda each: (each[0], -len(each[1])), default=(0, {}))


def _ways(available: pd.Index, taken: dict[str, str]) -> Iterator[tuple[dict[str, str], pd.Index]]:
    """Every set of offers that can be taken up one after the other, with the names it gives."""
    choices = Choices(taken)
    found = name_genes(pd.DataFrame(index=available), available, choices)
    if taken:
        yield taken, found.names
    for offer in choices.findings:
        for answer in offer.options:
            if answer != "keep":
                yield from _ways(available, {**taken, offer.code: answer})


def _column_of(offer: Finding) -> str:
    return next((option for option in offer.options if option.startswith("column:")), "")
