"""Lists of numbers as people write them: "5, 10, 20", "5-50 step 5", "0.01 to 100 times 10"."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import NoReturn

from core.errors import ParameterError
from core.text import count_text

__all__ = ["MOST_CANDIDATES", "example_words", "parse_numbers", "write_numbers"]

MOST_CANDIDATES = 50
# A range without a step counts by ones, as long as that is a list that somebody may have meant.
LONGEST_BY_ONES = 20
AUTOMATIC = frozenset({"auto", "automatic", "default"})

_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(
    rf"({_NUMBER})\s*(?:-|–|—|\bto\b|\.\.+|…)\s*({_NUMBER})"
    rf"(?:\s*,?\s*(?:in\s+)?(step|steps|by|times|x|×|\*)\s*(?:of\s+|size\s+)?({_NUMBER}))?",
    re.IGNORECASE,
)
_FACTORS = frozenset({"times", "x", "×", "*"})

Number = int | float | None


def parse_numbers(
    text: str,
    *,
    name: str,
    least: float,
    most: float,
    whole: bool = False,
    automatic: bool = False,
) -> tuple[Number, ...]:
    """Read a list of numbers.

    Parameters
    ----------
    text : str
        Numbers between commas, semicolons, spaces or lines, and ranges: ``5-50 step 5``,
        ``5 to 8``, ``0.1 to 10 times 10``. A comma between digits is a decimal comma where
        semicolons stand between the numbers, and behind a lone 0 that cannot be meant: ``0,5``.
    name : str
        What the list is of, for the sentence that refuses it.
    least, most : float
        What each number may be.
    whole : bool
        Whether they are counts.
    automatic : bool
        Whether ``auto`` may be among them; it stands for ``None``.

    Returns
    -------
    tuple of int, float or None
        In order, each once, ``None`` first; empty for an empty text.

    Raises
    ------
    ParameterError
        ``E-SEARCH-RANGE``: something in it is no number, or not one that is allowed, or there are
        more than 50.

    Examples
    --------
    >>> parse_numbers("auto, 5-20 step 5", name="k", least=1, most=500, whole=True, automatic=True)
    (None, 5, 10, 15, 20)
    """
    if ";" in text and not whole:
        text = re.sub(r"(?<=\d),(?=\d)", ".", text)
    if least > 0 and not whole:
        text = re.sub(r"(?<![\d.])0,(?=\d)", "0.", text)
    refuse = partial(_refuse, name, example_words(whole=whole, most=most))
    found: set[float] = set()
    rest = _RANGE.sub(lambda match: _keep_range(match, found, refuse, whole), text)
    has_automatic = False
    for word in re.split(r"[\s,;]+|\band\b", rest):
        if automatic and word.lower() in AUTOMATIC:
            has_automatic = True
        elif re.fullmatch(_NUMBER, word) and math.isfinite(float(word)):
            found.add(float(word))
        elif word:
            refuse(f"{word!r} is no number", automatic)
    numbers = sorted(found)
    if whole and (odd := next((x for x in numbers if not x.is_integer()), None)) is not None:
        refuse(f"it takes whole numbers, and got {odd:g}")
    if (wrong := next((x for x in numbers if not least <= x <= most), None)) is not None:
        span = f"from {_text(least)} to {_text(most)}"
        refuse(f"it takes numbers {span}, and got {_text(wrong)}")
    if len(numbers) > MOST_CANDIDATES:
        refuse(f"{len(numbers):,} numbers are too many, {MOST_CANDIDATES} are the most")
    kept = [int(x) if whole else x for x in numbers]
    return (None, *kept) if has_automatic else tuple(kept)


def write_numbers(numbers: Sequence[Number]) -> str:
    """Write what :func:`parse_numbers` reads.

    Examples
    --------
    >>> write_numbers((None, 5, 10)), write_numbers((0.25, 1.0))
    ('auto, 5, 10', '0.25, 1')
    """
    return ", ".join("auto" if x is None else f"{x:.10g}" for x in numbers)


def example_words(*, whole: bool, most: float) -> str:
    """Write numbers and a range that fit what a list is of.

    Examples
    --------
    >>> example_words(whole=False, most=1)
    '`0.25, 0.5, 1` or a range like `0.1-0.5 step 0.1`'
    """
    if whole:
        return "`5, 10, 20` or a range like `5-50 step 5`"
    if most <= 1:
        return "`0.25, 0.5, 1` or a range like `0.1-0.5 step 0.1`"
    return "`0.1, 1, 10` or a range like `0.01 to 100 times 10`"


def _keep_range(
    match: re.Match[str], found: set[float], refuse: Callable[[str], NoReturn], whole: bool
) -> str:
    """Add the numbers of a range to those `found`, and leave a gap in the text."""
    first, last, how, step = match.groups()
    low, high = sorted((float(first), float(last)))
    by_factor = (how or "").lower() in _FACTORS
    size = float(step) if step else 1.0
    if not math.isfinite(high) or (by_factor and (size <= 1 or low <= 0)) or size <= 0:
        refuse(f"{match[0]!r} never ends: choose another step")
    if not step and not (whole and high - low < LONGEST_BY_ONES):
        refuse(f"{match[0]!r} has no step")
    steps = math.log(high / low) / math.log(size) if by_factor else (high - low) / size
    if steps >= MOST_CANDIDATES:
        refuse(f"{match[0]!r} is more than {MOST_CANDIDATES} numbers")
    # A little beyond the end, because steps such as 0.1 do not add up exactly.
    for n in range(math.floor(steps + 1e-9) + 1):
        number = low * size**n if by_factor else low + n * size
        found.add(float(f"{number:.10g}"))
    return " "


def _text(number: float) -> str:
    return count_text(number) if float(number).is_integer() else f"{number:g}"


def _refuse(name: str, example: str, why: str, automatic: bool = False) -> NoReturn:
    also = " `auto` leaves the choice to Needle." if automatic else ""
    raise ParameterError(
        f"`{name}` could not be read: {why}.",
        code="E-SEARCH-RANGE",
        next_step=f"Write numbers like {example}.{also}",
    )
