"""Names of cell types that may mean the same: for suggestions, never for decisions."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["suggest_types"]

# Names and abbreviations for one cell type, one line each. They follow the Cell Ontology (the
# names and synonyms of the term given at the end of the line) and the usual abbreviations of
# published single-cell data. One line joins two terms on purpose: clusters of blood named after
# megakaryocytes or after platelets are the same cells, with the same transcripts.
_SYNONYMS = """
platelet, thrombocyte, blood platelet, plt, megakaryocyte, mk, meg        CL:0000233, CL:0000556
erythrocyte, red blood cell, rbc, eryth, ery, erythroid                   CL:0000232
dendritic cell, dc, dendritic                                             CL:0000451
plasmacytoid dendritic cell, pdc, plasmacytoid dc                         CL:0000784
conventional dendritic cell, cdc, mdc, myeloid dendritic cell             CL:0000990
natural killer cell, nk, natural killer                                   CL:0000623
classical monocyte, cd14 monocyte, cd14 mono, mono cd14                   CL:0000860
non classical monocyte, cd16 monocyte, cd16 mono, fcgr3a monocyte, fcgr3a mono  CL:0000875
monocyte, mono                                                            CL:0000576
macrophage, mac, mph, histiocyte                                          CL:0000235
mast cell, mast, mastocyte                                                CL:0000097
plasma cell, plasma, plasmacyte, plasmocyte                               CL:0000786
b cell, b, b lymphocyte                                                   CL:0000236
t cell, t, t lymphocyte                                                   CL:0000084
regulatory t cell, treg, t reg                                            CL:0000815
gamma delta t cell, gdt, gd t                                             CL:0000798
mucosal associated invariant t cell, mucosal invariant t cell, mait       CL:0000940
innate lymphoid cell, ilc                                                 CL:0001065
hematopoietic stem cell, haematopoietic stem cell, hsc                    CL:0000037
pancreatic alpha cell, alpha, pancreatic a cell                           CL:0000171
pancreatic beta cell, beta, type b pancreatic cell                        CL:0000169
pancreatic delta cell, delta, pancreatic d cell                           CL:0000173
pancreatic pp cell, pp, gamma, pancreatic polypeptide cell, gamma pp      CL:0002275
pancreatic epsilon cell, epsilon                                          CL:0005019
pancreatic acinar cell, acinar                                            CL:0002064
pancreatic ductal cell, ductal, duct                                      CL:0002079
pancreatic stellate cell, stellate                                        CL:0002410
endothelial cell, endothelial, endothelium, endo                          CL:0000115
epithelial cell, epithelial, epi                                          CL:0000066
fibroblast, fib, fibro                                                    CL:0000057
smooth muscle cell, smc, smooth muscle                                    CL:0000192
cardiac muscle cell, cardiomyocyte, cm                                    CL:0000746
astrocyte, astro, astrocytic                                              CL:0000127
oligodendrocyte, oligo, odc                                               CL:0000128
oligodendrocyte precursor cell, opc, oligodendrocyte progenitor cell      CL:0002453
microglial cell, microglia, micro, mg                                     CL:0000129
schwann cell, schwann                                                     CL:0002573
"""
_GREEK = {"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon"}


def suggest_types(rare: str, types: Sequence[str]) -> list[str]:
    """Which types of a query may be the rare type under another name.

    Names are alike when they are equal but for case, spaces, punctuation, plural, Greek letters and
    the word "cell", or when both stand for one type in a small list of common names, after the Cell
    Ontology. ``CD16+`` and ``CD16-`` stay apart. A suggestion says nothing about the cells.

    Parameters
    ----------
    rare : str
        The rare type's name in the reference.
    types : sequence of str
        Types of the query.

    Returns
    -------
    list of str
        The very name first, then names that are written otherwise, then synonyms; within these in
        the order of `types`, each once.

    References
    ----------
    A. D. Diehl et al., "The Cell Ontology 2016: enhanced content, modularization, and ontology
    interoperability", J. Biomed. Semant. 7:44 (2016), doi:10.1186/s13326-016-0088-7.

    Examples
    --------
    >>> suggest_types("Platelet", ["B", "Mk", "platelets", "DC"])
    ['platelets', 'Mk']
    """
    plain = _plain(rare)
    group = _GROUPS.get(plain)
    ranked = []
    for name in dict.fromkeys(map(str, types)):
        other = _plain(name)
        if name == rare:
            ranked.append((0, name))
        elif other == plain:
            ranked.append((1, name))
        elif group is not None and _GROUPS.get(other) == group:
            ranked.append((2, name))
    return [name for _, name in sorted(ranked, key=lambda pair: pair[0])]


def _plain(name: str) -> str:
    """Reduce a name to what tells types apart: ``"CD14+ Monocytes"`` is ``"cd14monocyte"``."""
    text = name.strip().casefold()
    for letter, word in _GREEK.items():
        text = text.replace(letter, f" {word} ")
    text = re.sub(r"(?<=[a-z0-9])[-−](?=[\s,;/)]|$)", " neg ", text)
    words = [_singular(word) for word in re.findall(r"[^\W_]+", text)]
    kept = [word for word in words if word != "cell"]
    return "".join(kept or words) or name


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _groups() -> dict[str, int]:
    lines = [re.sub(r"\s+CL:.*", "", line) for line in _SYNONYMS.strip().splitlines()]
    return {_plain(name): i for i, line in enumerate(lines) for name in line.split(",")}


_GROUPS = _groups()
