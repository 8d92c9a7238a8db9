"""The look of every figure: quiet paper, one accent, one signal.

The signal is the rare type: vermilion, drawn last and larger, in every figure the same. Figures
are transparent, so that the page's own paper shows through; `dark` chooses the colour of text and
lines.
"""

from __future__ import annotations

from dataclasses import dataclass

import plotly.graph_objects as go

__all__ = [
    "ACCENT",
    "ACCENT_DARK",
    "FONT",
    "OTHER_DARK",
    "OTHER_LIGHT",
    "RARE",
    "SCORES",
    "UNSURE",
    "Page",
    "bar_title",
    "finish",
    "page",
]

ACCENT = "#0072B2"
ACCENT_DARK = "#56B4E9"  # the accent of lines and dots on a dark page, where blue would sink
RARE = "#D55E00"
UNSURE = "#E69F00"
OTHER_LIGHT = "#C9CDD3"
OTHER_DARK = "#4A5058"
SCORES = "Cividis"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


@dataclass(frozen=True)
class Page:
    """Colours that depend on the page's paper, each as ``#RRGGBB``."""

    paper: str
    ink: str
    muted: str
    grid: str
    other: str
    plain: str
    accent: str


LIGHT_PAGE = Page("#FBFAF7", "#1F2328", "#5B636E", "#E7E4DD", OTHER_LIGHT, "#7C848F", ACCENT)
DARK_PAGE = Page("#14171A", "#E8EAED", "#A0A8B2", "#2B3036", OTHER_DARK, "#8E96A1", ACCENT_DARK)


def page(dark: bool) -> Page:
    """Colours of text, lines and other cells on a light or dark page."""
    return DARK_PAGE if dark else LIGHT_PAGE


def finish(
    fig: go.Figure,
    *,
    dark: bool,
    alt: str,
    note: str = "",
    height: int = 460,
    top: int = 12,
    legend: str = "right",
    uirevision: str | None = None,
) -> go.Figure:
    """Give a figure Needle's fonts, margins, lines and legend; the paper stays transparent.

    Parameters
    ----------
    fig : plotly.graph_objects.Figure
        Changed in place and returned.
    dark : bool
        Whether the page is dark.
    alt : str
        What the figure shows, with its n, for readers who do not see it; kept in
        ``fig.layout.meta["alt"]``.
    note : str
        One quiet line below the figure, usually its n.
    height : int
        Height in pixels; the width is the page's.
    top : int
        Pixels above the plot, for panel titles or a legend.
    legend : {"right", "top", "none"}
        Where the legend stands.
    uirevision : str or None
        Constant for a figure that is redrawn while it is looked at, so that zoom survives.
    """
    look = page(dark)
    # The note is plotly's title: nothing else can be tied to the lower edge of the whole figure.
    title = dict(
        text=note,
        x=0,
        xref="paper",
        xanchor="left",
        y=0,
        yref="container",
        yanchor="bottom",
        automargin=True,
        pad=dict(b=8, t=8),
        font=dict(size=12, color=look.muted),
    )
    fig.update_layout(
        template="none",
        height=height,
        font=dict(family=FONT, size=13, color=look.ink),
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        title=title,
        margin=dict(l=8, r=8, t=top, b=8),
        showlegend=legend != "none",
        legend=_legend(legend),
        hoverlabel=dict(
            bgcolor=look.paper,
            bordercolor=look.grid,
            namelength=-1,
            font=dict(family=FONT, size=12, color=look.ink),
        ),
        # Else plotly lays half-black behind the buttons of a figure without paper.
        modebar=dict(bgcolor=look.paper, color=look.muted, activecolor=look.accent),
        uirevision=uirevision,
        meta={"alt": alt},
    )
    axis = dict(
        gridcolor=look.grid,
        linecolor=look.grid,
        showline=False,
        zeroline=False,
        ticks="",
        automargin=True,
        tickfont=dict(size=12, color=look.muted),
        title_font=dict(size=12, color=look.muted),
    )
    fig.update_xaxes(**axis)
    fig.update_yaxes(**axis)
    return fig


def bar_title(text: str) -> dict[str, object]:
    """Title of a colour bar, with a little air above the bar's highest number."""
    return dict(text=f"{text}<br><span style='font-size:5px'> </span>", font=dict(size=12))


def _legend(place: str) -> dict[str, object]:
    common = dict(bgcolor="rgba(0,0,0,0)", itemsizing="constant", font=dict(size=12))
    if place == "top":
        return common | dict(orientation="h", x=0, xanchor="left", y=1, yanchor="bottom")
    return common | dict(x=1.02, xanchor="left", y=1, yanchor="top", tracegroupgap=4)
