"""Counts, sizes and stretches of time as a biologist would say them."""

from __future__ import annotations

from core.text import count_text, number_text

__all__ = ["calls_sentence", "count", "false_calls", "frequency", "memory", "span"]


def frequency(n: int, total: int) -> str:
    """How rare a type is.

    Examples
    --------
    >>> frequency(10, 525)
    '10 of 525 cells, 1 in 52'
    """
    return f"{n:,} of {total:,} cells" + (f", 1 in {round(total / n):,}" if n else "")


count = count_text


def calls_sentence(found: int, rare: int, wrong: int) -> str:
    """What a set of calls achieved.

    Examples
    --------
    >>> calls_sentence(47, 50, 2)
    '47 of 50 found, 2 false calls'
    """
    return f"{found:,} of {rare:,} found, {false_calls(wrong)}"


def false_calls(n: int) -> str:
    """How many calls were false, in the singular for one."""
    return f"{n:,} false call{'' if n == 1 else 's'}"


def memory(size: int) -> str:
    """An amount of memory, three significant digits.

    Parameters
    ----------
    size : int
        In bytes.

    Examples
    --------
    >>> memory(335_000_000), memory(6_550_000_000)
    ('0.312 GB', '6.10 GB')
    """
    return f"{number_text(size / 2**30)} GB"


def span(seconds: float) -> str:
    """A stretch of time in one rounded unit.

    Examples
    --------
    >>> span(8.2), span(95), span(7300)
    ('8 s', '2 min', '2 h')
    """
    if round(seconds) < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{round(seconds / 3600)} h"
