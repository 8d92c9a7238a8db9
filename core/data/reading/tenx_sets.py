"""Which files make one 10x matrix: matrix.mtx, its features and its barcodes."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.data.reading.parts import Part, plain_name
from core.errors import DataError

__all__ = ["ROLES", "TenxSet", "find_sets", "name_sets", "role_of"]

ROLES = ("matrix", "features", "barcodes")
_NAMES = re.compile(
    r"^(?P<before>.*?)(?P<role>features?|genes?|gene_names|barcodes?|cells|cell_names)"
    r"\.(tsv|csv|txt)$",
    re.IGNORECASE,
)
_MATRIX = re.compile(
    r"^(?P<before>.*?)(matrix|counts|count_matrix|expression)?\.mtx$", re.IGNORECASE
)
# Folders that say nothing about the sample in them.
_USUAL = re.compile(
    r"^(outs|count|matrix|GRCh38|hg19|mm10|GRCm39|"
    r"(sample_)?(filtered|raw)?_?(feature|gene)_bc_matri(x|ces)(_mex)?)$",
    re.IGNORECASE,
)
_MARKS = "._- "


@dataclass(eq=False)
class TenxSet:
    """Files of one matrix.

    Parameters
    ----------
    key : tuple of str
        Folder, and what stands before the role in the file names.
    parts : dict of str to Part
        By role: ``"matrix"``, ``"features"``, ``"barcodes"``.
    """

    key: tuple[str, str]
    parts: dict[str, Part] = field(default_factory=dict)


def role_of(name: str) -> tuple[str, str] | None:
    """What a file is to a 10x matrix, and what its name says besides.

    Examples
    --------
    >>> role_of("run/GSM1_s1_features.tsv.gz"), role_of("cells.csv.gz"), role_of("counts.csv")
    (('features', 'GSM1_s1'), ('barcodes', ''), None)
    """
    plain = plain_name(name)
    if found := _MATRIX.match(plain):
        return "matrix", found["before"].strip(_MARKS)
    if found := _NAMES.match(plain):
        role = "features" if found["role"].lower()[0] in "fg" else "barcodes"
        return role, found["before"].strip(_MARKS)
    return None


def find_sets(parts: Sequence[Part], name: str) -> list[TenxSet]:
    """Put together what belongs to one matrix.

    Parameters
    ----------
    parts : sequence of Part
        Files with a role.
    name : str
        What messages call them together.

    Returns
    -------
    list of TenxSet
        Complete ones; empty when there is no matrix.

    Raises
    ------
    DataError
        ``E-10X-INCOMPLETE`` with what is missing.
    """
    by_role: dict[str, list[Part]] = {role: [] for role in ROLES}
    sets: dict[tuple[str, str], TenxSet] = {}
    for part in parts:
        role, before = role_of(part.name)
        key = (part.name.rpartition("/")[0], before)
        by_role[role].append(part)
        sets.setdefault(key, TenxSet(key)).parts.setdefault(role, part)
    if all(len(found) <= 1 for found in by_role.values()):
        # One of each belongs together whatever the names are.
        alone = {role: found[0] for role, found in by_role.items() if found}
        sets = {("", ""): TenxSet(("", ""), alone)}
    if len(by_role["features"]) == 1:
        for each in sets.values():
            # Series in public archives often come with one list of genes for all samples.
            each.parts.setdefault("features", by_role["features"][0])
    whole = [each for each in sets.values() if "matrix" in each.parts]
    if not whole:
        return []
    for each in whole:
        _require_whole(each, name, several=len(whole) > 1)
    return whole


def _require_whole(found: TenxSet, name: str, *, several: bool) -> None:
    called = {
        "features": "the list of genes (features.tsv or genes.tsv)",
        "barcodes": "the list of cells (barcodes.tsv)",
    }
    missing = [what for role, what in called.items() if role not in found.parts]
    if missing:
        there = f" beside {found.parts['matrix'].name}" if several else ""
        raise DataError(
            f"{name}: there is a matrix, but{there} {' and '.join(missing)} "
            f"{'are' if len(missing) > 1 else 'is'} missing.",
            code="E-10X-INCOMPLETE",
            next_step="Load the matrix together with its genes and barcodes: as a folder, as a zip "
            "archive, or by choosing all three files.",
        )


def name_sets(sets: Sequence[TenxSet]) -> dict[str, TenxSet]:
    """Call every set by what tells it from the others.

    Returns
    -------
    dict of str to TenxSet
        By sample name, all different.
    """
    paths = [[*filter(None, each.key[0].split("/")), *filter(None, [each.key[1]])] for each in sets]
    short = ["/".join(word for word in path if not _USUAL.match(word)) for path in paths]
    if len(set(short)) < len(short) or "" in short:
        short = ["/".join(path) or "(top)" for path in paths]
    common = {words[0] for words in (name.split("/") for name in short)}
    if len(common) == 1 and all("/" in name for name in short):
        short = [name.split("/", 1)[1] for name in short]
    named: dict[str, TenxSet] = {}
    for title, each in zip(short, sets, strict=True):
        # A folder `b` and files that begin with `b_` may stand side by side.
        others = (f"{title} ({number})" for number in itertools.count(2))
        named[next(t for t in itertools.chain([title], others) if t not in named)] = each
    return named
