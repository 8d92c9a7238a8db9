"""Which colour stands for which type, classifier, score or expression."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from plotly.colors import hex_to_rgb, sample_colorscale

from core.plots.theme import ACCENT, RARE, SCORES, UNSURE, page

__all__ = ["classifier_colours", "expression_scale", "score_scale", "type_colours"]

# Okabe and Ito's palette for colour-blind readers (https://jfly.uni-koeln.de/color/) without its
# vermilion, the rare type's, and its orange, which means unsure and is an ordinary type's only
# when nothing else is left. Grey stands in for them; its black becomes a slate that is as quiet as
# the others, dark or light as the page needs.
OKABE_ITO = ("#56B4E9", "#009E73", "#CC79A7", ACCENT, "#999999", "#F0E442")
SLATE_LIGHT_PAGE, SLATE_DARK_PAGE = "#4B5563", "#CBD0D7"

# Euclidean distance in 8-bit RGB below which two colours are taken for one another in small dots.
TOO_CLOSE = 80.0


def expression_scale(dark: bool) -> list[list[float | str]]:
    """Colour scale of mean expression: one hue that fades into the page's paper."""
    ends = ("#262C33", "#2F6F99", "#8FD0F5") if dark else ("#E6E9EA", "#7DB0D0", "#00497A")
    return [[place, colour] for place, colour in zip((0.0, 0.5, 1.0), ends, strict=True)]


def classifier_colours(classifiers: Iterable[str], *, dark: bool) -> dict[str, str]:
    """Colour of each classifier, in order of appearance; never the rare type's."""
    names = list(dict.fromkeys(classifiers))
    choices = (page(dark).accent, "#CC79A7", "#009E73", "#999999", "#F0E442")
    return {name: choices[i % len(choices)] for i, name in enumerate(names)}


def type_colours(
    types: Iterable[str], *, rare: str | None = None, dark: bool = False
) -> dict[str, str]:
    """Give every cell type a colour; the rare type's is vermilion and nobody else's.

    Parameters
    ----------
    types : iterable of str
        Cell types; repeats are ignored. The same types in the same order get the same colours.
    rare : str or None
        The rare type. It gets its colour whether or not it is among `types`.
    dark : bool
        Whether the page is dark; colours that its paper would swallow are left out.

    Returns
    -------
    dict of str to str
        ``#RRGGBB`` per type. Up to 8 types Okabe and Ito's palette, above that scanpy's; beyond
        about 90 types colours repeat, the rare type's still does not.

    Examples
    --------
    >>> type_colours(["alpha", "epsilon"], rare="epsilon")
    {'alpha': '#56B4E9', 'epsilon': '#D55E00'}
    """
    names = list(dict.fromkeys(types))
    others = [name for name in names if name != rare]
    choices = _choices(len(others), reserved=rare is not None, dark=dark)
    colours = {name: choices[i % len(choices)] for i, name in enumerate(others)}
    if rare is not None:
        colours[rare] = RARE
    return colours


def score_scale(dark: bool) -> list[list[float | str]]:
    """Colour scale of scores from 0 to 1: cividis.

    A dark page gets it without its darkest fifth, in which low scores would not be seen.
    """
    start = 0.2 if dark else 0.0
    places = np.linspace(0, 1, 11)
    colours = sample_colorscale(SCORES, start + (1 - start) * places)
    return [[place, colour] for place, colour in zip(places, colours, strict=True)]


def _choices(n: int, *, reserved: bool, dark: bool) -> list[str]:
    okabe_ito = [*OKABE_ITO, SLATE_DARK_PAGE if dark else SLATE_LIGHT_PAGE]
    if not reserved:
        okabe_ito.append(UNSURE)
    if n <= len(okabe_ito):
        return okabe_ito
    from scanpy.plotting import palettes  # scanpy takes seconds to import; few figures need it

    avoided = [RARE, UNSURE, page(dark).paper]
    for palette in (palettes.default_20, palettes.default_28, palettes.default_102):
        choices = [c.upper() for c in palette if all(_distance(c, a) > TOO_CLOSE for a in avoided)]
        if n <= len(choices):
            break
    return choices


def _distance(one: str, other: str) -> float:
    return float(np.linalg.norm(np.subtract(hex_to_rgb(one), hex_to_rgb(other))))
