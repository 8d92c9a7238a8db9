"""How names out of a file are written into a sentence."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["counted", "listed", "quoted"]

_LONGEST = 80


def quoted(name: object) -> str:
    """Quote a name with everything odd in it visible, cut at 80 characters.

    Examples
    --------
    >>> quoted("beta cell"), len(quoted("x" * 300))
    ("'beta cell'", 80)
    """
    text = repr(str(name))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 2] + "…" + text[0]


def listed(parts: Iterable[str], *, most: int = 3) -> str:
    """Join the first few parts, and say how many more there are.

    Examples
    --------
    >>> listed(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    parts = list(parts)
    more = f" and {len(parts) - most:,} more" if len(parts) > most else ""
    return ", ".join(parts[:most]) + more


def counted(n: int, what: str) -> str:
    """Write "1 cell" or "1,234 cells".

    Examples
    --------
    >>> counted(1, "cell"), counted(1234, "cell")
    ('1 cell', '1,234 cells')
    """
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"
