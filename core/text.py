"""Numbers and names as people read them: 1,234 cells, 0.912, "LoRAS + knn"."""

from __future__ import annotations

import math
from html import escape

from core.config import Method

__all__ = [
    "SAMPLER_LABELS",
    "call_words",
    "cells_text",
    "count_text",
    "method_label",
    "number_text",
    "percent_text",
    "safe_text",
    "spreadsheet_text",
]

# What a sampler is called: in a list to choose from, and in front of a classifier's name.
SAMPLER_LABELS = {
    "none": ("No oversampling", "no oversampling"),
    "weights": ("Class weights", "class weights"),
    "random": ("Random copies", "random copies"),
    "smote": ("SMOTE", "SMOTE"),
    "borderline1": ("Borderline-SMOTE 1", "Borderline-SMOTE 1"),
    "borderline2": ("Borderline-SMOTE 2", "Borderline-SMOTE 2"),
    "svmsmote": ("SVM-SMOTE", "SVM-SMOTE"),
    "adasyn": ("ADASYN", "ADASYN"),
    "loras": ("LoRAS", "LoRAS"),
    "loras-pca": ("LoRAS (PCA neighbours)", "LoRAS (PCA)"),
    "loras-tsne": ("LoRAS (t-SNE neighbours)", "LoRAS (t-SNE)"),
    "prowras": ("ProWRAS", "ProWRAS"),
}


def count_text(n: float) -> str:
    """Write a count with thousands separators, one decimal when it is a mean of counts.

    Examples
    --------
    >>> count_text(12345), count_text(12.25)
    ('12,345', '12.2')
    """
    return f"{n:,.0f}" if float(n).is_integer() else f"{n:,.1f}"


def cells_text(n: int, kind: str = "") -> str:
    """Write "1 cell", "1,234 cells" or "10 rare cells".

    Examples
    --------
    >>> cells_text(1), cells_text(1234, "rare")
    ('1 cell', '1,234 rare cells')
    """
    words = [count_text(n), kind, "cell" if n == 1 else "cells"]
    return " ".join(word for word in words if word)


def number_text(x: float) -> str:
    """Write a number with three significant digits; an en dash where there is none.

    Examples
    --------
    >>> number_text(0.91249), number_text(1.0), number_text(float("nan"))
    ('0.912', '1.00', '–')
    """
    if not math.isfinite(x):
        return "–"
    if x == 0:
        return "0"
    # Rounding first settles carries such as 0.9996, which is 1.00 and not 1.000.
    rounded = float(f"{x:.3g}")
    decimals = 2 - math.floor(math.log10(abs(rounded)))
    return f"{rounded:,.{max(decimals, 0)}f}"


def call_words(rare: str) -> tuple[str, str]:
    """Words for cells that are not called and for cells just below the threshold.

    They are never the rare type's own name, which may be one of them.

    Examples
    --------
    >>> call_words("epsilon"), call_words("other")
    (('other', 'unsure'), ('not other', 'unsure'))
    """
    return tuple(f"not {word}" if word == rare else word for word in ("other", "unsure"))


def percent_text(share: float) -> str:
    """Write a share (0–1) in percent; what is not all is never written as 100 %.

    Examples
    --------
    >>> percent_text(0.94), percent_text(1.0), percent_text(0.9999)
    ('94 %', '100 %', '> 99.9 %')
    """
    if not math.isfinite(share):
        return "–"
    return "> 99.9 %" if 0.9995 <= share < 1 else f"{100 * share:.3g} %"


def method_label(name: str) -> str:
    """Write a method's name as a reader says it.

    Parameters
    ----------
    name : str
        A method as in :class:`core.config.Method`, ``"sampler+classifier"``.

    Raises
    ------
    ParameterError
        When `name` is not two names joined by a plus.

    Examples
    --------
    >>> method_label("loras-pca+knn"), method_label("none+knn")
    ('LoRAS (PCA) + knn', 'knn alone')
    """
    method = Method.parse(name)
    if method.sampler == "none":
        return f"{method.classifier} alone"
    _, sampler = SAMPLER_LABELS.get(method.sampler, ("", method.sampler))
    return f"{sampler} + {method.classifier}"


def safe_text(text: str, *, longest: int = 36) -> str:
    """Make a name from a file fit to be drawn: markup, %{…} as typed, long names cut.

    Examples
    --------
    >>> safe_text("CD4+ <naive>"), safe_text("a" * 50, longest=5)
    ('CD4+ &lt;naive&gt;', 'aaaa…')
    """
    text = str(text)
    text = escape(text if len(text) <= longest else text[: longest - 1] + "…", quote=False)
    # plotly would fill in what stands in %{…}; it turns the sign back only when it draws.
    return text.replace("%{", "&#37;{")


# What makes a spreadsheet run a cell, after OWASP's page on CSV injection, with the wide forms of
# the same signs; and the quote itself, so that taking one off gives every name back.
_FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠'")


def spreadsheet_text(text: str) -> str:
    """Make a name from a file fit to be opened in a spreadsheet: it is text there, not a formula.

    A single quote is put before a name that begins with ``=``, ``+``, ``-``, ``@``, a tab, a line
    break or a single quote. To get the name back, take one single quote off the front, if there is
    one.

    References
    ----------
    OWASP, "CSV injection", https://owasp.org/www-community/attacks/CSV_Injection

    Examples
    --------
    >>> spreadsheet_text("=1+1"), spreadsheet_text("AAACATAC-1"), spreadsheet_text("'k'")
    ("'=1+1", 'AAACATAC-1', "''k'")
    """
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
