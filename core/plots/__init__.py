"""Figures of Needle: data in, plotly figure out. Nothing here shows or saves anything.

Every figure is transparent, takes `dark` for the page it will stand on, and carries what it shows
as one sentence in ``fig.layout.meta["alt"]``.
"""

from core.plots.colours import type_colours
from core.plots.confusion_table import confusion
from core.plots.contributions import contribution_bars
from core.plots.curves import ChosenPoint, precision_recall_curves
from core.plots.gene_shift import gene_shift
from core.plots.histogram import score_histogram
from core.plots.maps import map_by_type, map_calls, map_synthetic
from core.plots.markers import marker_dotplot
from core.plots.reference_map import map_on_reference
from core.plots.reliability import reliability_curve
from core.plots.run_curves import MOST_RUNS, RunCurve, compare_runs
from core.plots.score_map import map_scores
from core.plots.scores import live_scores
from core.plots.search import search_map
from core.plots.search_worth import search_scores
from core.plots.theme import (
    ACCENT,
    ACCENT_DARK,
    OTHER_DARK,
    OTHER_LIGHT,
    RARE,
    SCORES,
    UNSURE,
    finish,
)
from core.plots.violins import marker_violins
from core.text import cells_text, count_text, method_label, number_text, percent_text

__all__ = [
    "ACCENT",
    "ACCENT_DARK",
    "MOST_RUNS",
    "OTHER_DARK",
    "OTHER_LIGHT",
    "RARE",
    "SCORES",
    "UNSURE",
    "ChosenPoint",
    "RunCurve",
    "cells_text",
    "compare_runs",
    "confusion",
    "contribution_bars",
    "count_text",
    "finish",
    "gene_shift",
    "live_scores",
    "map_by_type",
    "map_calls",
    "map_on_reference",
    "map_scores",
    "map_synthetic",
    "marker_dotplot",
    "marker_violins",
    "method_label",
    "number_text",
    "percent_text",
    "precision_recall_curves",
    "reliability_curve",
    "score_histogram",
    "search_map",
    "search_scores",
    "type_colours",
]
