"""Gene names that Excel took for dates or that R changed, and how they were written before.

References
----------
B. R. Zeeberg et al., "Mistaken identifiers: gene name errors can be introduced inadvertently when
using Excel in bioinformatics", BMC Bioinformatics 5:80 (2004), doi:10.1186/1471-2105-5-80.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import pandas as pd

from core.data.gene_tables import ids_of, symbols_in_any_case

__all__ = ["Mangled", "find_mangled", "restore_case"]

_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec"
_DAY_MONTH = re.compile(rf"(\d{{1,2}})[- ]({_MONTHS})", re.IGNORECASE)  # 2-Sep
_MONTH_DAY = re.compile(rf"({_MONTHS})[- ](\d{{1,2}})", re.IGNORECASE)  # Sep-02
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[ T]00:00:00)?")  # 2019-09-02
# Days since 1900 of the years 2000 to 2030, as Excel counts them: the date itself depends on the
# computer (Macs counted from 1904), so these are never repaired.
_SERIAL = re.compile(r"(?:3[7-9]|4[0-7])\d{3}(?:\.0)?")

# Genes that had names like SEPT2, MARCH3 and DEC1; their names now were chosen because of Excel.
_FAMILIES = {"sep": ("SEPTIN",), "mar": ("MARCHF", "MTARC"), "dec": ("DELEC",)}
_OTHERS = {("sep", 15): "SELENOF"}

# Clones that genes without a name are called after: RP11-34P13.7 is RP11.34P13.7 in R.
_CLONE = re.compile(r"(RP\d{1,2}|CT[ABCD]|GS1|KB|LA16c|LL\w{2,6}|XXbac|CH17)\.(?=\w)")


@dataclass(frozen=True)
class Mangled:
    """Names that were damaged.

    Parameters
    ----------
    repairs : dict of str to str
        What each can only have been.
    unclear : tuple of str
        Dates that more than one gene, or none, may have been.
    """

    repairs: dict[str, str]
    unclear: tuple[str, ...]

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.repairs or self.unclear)


def find_mangled(names: pd.Index, organism: str) -> Mangled:
    """Look for dates, and for dots where R does not allow another sign.

    Parameters
    ----------
    names : pandas.Index of str
        Symbols.
    organism : {"human", "mouse"}
        Whose.

    Returns
    -------
    Mangled
        A date is repaired when one gene alone can have become it: 2-Sep is SEPTIN2, but 1-Mar is
        MARCHF1 or MTARC1. Names that R changed are repaired when a symbol gives the very name by
        R's rule, which never holds for two.

    Examples
    --------
    >>> found = find_mangled(pd.Index(["2-Sep", "1-Mar", "HLA.DRA"]), "human")
    >>> found.repairs, found.unclear
    ({'2-Sep': 'SEPTIN2', 'HLA.DRA': 'HLA-DRA'}, ('1-Mar',))
    """
    known, repairs, unclear = ids_of(organism), {}, []
    for name in dict.fromkeys(names):
        if name in known:
            continue
        days = _days(name)
        if days is None:
            if before := _before_r(name, organism):
                repairs[name] = before
            continue
        genes = {gene for day in days for gene in _genes_of(day, organism)}
        if len(genes) == 1:
            repairs[name] = genes.pop()
        else:
            unclear.append(name)
    return Mangled(repairs, tuple(unclear))


def restore_case(names: pd.Index, organism: str) -> dict[str, str]:
    """Symbols in their own capitals, for names that have other ones: ``cd3d`` is CD3D or Cd3d."""
    table = symbols_in_any_case(organism)
    found = {name: table.get(name.casefold()) for name in dict.fromkeys(names)}
    return {name: symbol for name, symbol in found.items() if symbol and symbol != name}


def _days(name: str) -> list[tuple[str, int]] | None:
    """Every month and number that a date may have been written from; ``None`` for no date."""
    if match := _DAY_MONTH.fullmatch(name):
        return [(match[2][:3].lower(), int(match[1]))]
    if match := _MONTH_DAY.fullmatch(name):
        return [(match[1][:3].lower(), int(match[2]))]
    if match := _ISO.fullmatch(name):
        year, month, day = (int(part) for part in match.groups())
        if not 1 <= month <= 12:
            return []
        written = _MONTHS.replace("Sept|", "").split("|")[month - 1].lower()
        # SEPT2 may have become September 2002 as well as the second of September.
        return [(written, day)] + ([(written, year - 2000)] if day == 1 and year > 2000 else [])
    return [] if _SERIAL.fullmatch(name) else None


def _genes_of(day: tuple[str, int], organism: str) -> list[str]:
    month, number = day
    names = [f"{family}{number}" for family in _FAMILIES.get(month, ())]
    names += [_OTHERS[day]] if day in _OTHERS else []
    if organism == "mouse":
        names = [name.capitalize() for name in names]
    return [name for name in names if name in ids_of(organism)]


def _before_r(name: str, organism: str) -> str | None:
    if before := _made_names(organism).get(name):
        return before
    if organism == "human" and _CLONE.match(name):
        return _CLONE.sub(r"\1-", name, count=1)
    return None


@cache
def _made_names(organism: str) -> dict[str, str]:
    """Symbols by what ``make.names`` of R makes of them, where that is something else."""
    made = {_make_name(symbol): symbol for symbol in ids_of(organism)}
    return {name: symbol for name, symbol in made.items() if name != symbol}


def _make_name(symbol: str) -> str:
    name = re.sub(r"[^\w.]", ".", symbol)
    return name if name[0].isalpha() or re.match(r"\.(?!\d)", name) else f"X{name}"
