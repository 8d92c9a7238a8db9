"""Draw the picture of what Needle does, once for each theme.

Run ``python assets/draw_how_it_works.py`` to write ``how_it_works_light.svg`` and
``how_it_works_dark.svg`` beside this file. The points come from a seed, so the picture is the same
every time.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

WIDTH, HEIGHT = 1200, 340
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', sans-serif"
SIGNAL = "#D55E00"
MAP_TOP, CAPTION_LINE, TITLE_LINE = 62, 326, 32
DESCRIPTION = (
    "Three pictures joined by arrows. Your reference: a map of grey cells with seven rare cells "
    "marked. Learn from synthetic cells: the rare cells close up, surrounded by open circles, "
    "inside a dashed boundary. Their data: another map of grey cells, five rare cells found."
)


@dataclass(frozen=True)
class Theme:
    """Colours of one version of the picture."""

    ink: str
    quiet: str
    line: str
    greys: tuple[str, str, str]


THEMES = {
    "light": Theme("#1B1E21", "#5C6166", "#A9ADB3", ("#B4B9C0", "#C3C8CE", "#D2D5DA")),
    "dark": Theme("#E8E6E1", "#A9AFB6", "#5F666E", ("#626972", "#535A62", "#454B53")),
}


@dataclass(frozen=True)
class Cluster:
    """One cell type on a map: points scattered about a bent spine.

    ``bend`` is how far the spine's middle is pushed aside, as a fraction of its length;
    ``thick`` the standard deviation across it, in pixels; ``grey`` an index into the theme.
    """

    start: tuple[float, float]
    end: tuple[float, float]
    bend: float
    thick: float
    n: int
    grey: int


REFERENCE = (
    Cluster((52, 62), (150, 40), 0.30, 13, 125, 0),
    Cluster((70, 182), (140, 206), -0.28, 13, 95, 1),
    Cluster((246, 42), (292, 108), 0.26, 12, 92, 2),
    Cluster((196, 128), (222, 140), 0.0, 9, 40, 1),
    Cluster((226, 208), (300, 188), 0.22, 8, 56, 0),
)
QUERY = (
    Cluster((176, 34), (278, 62), -0.26, 13, 125, 0),
    Cluster((62, 172), (122, 208), 0.32, 13, 95, 1),
    Cluster((46, 58), (96, 104), -0.28, 12, 92, 2),
    Cluster((166, 136), (188, 122), 0.0, 9, 40, 1),
    Cluster((222, 206), (296, 190), -0.22, 8, 56, 0),
)
RARE_REFERENCE, RARE_QUERY = np.array([118.0, 128.0]), np.array([268.0, 132.0])
# The seven rare cells close up, and the other cells that the close-up shows beside them.
RARE = np.array([(-48, 2), (-15, -34), (24, -31), (52, 4), (17, 31), (-24, 35), (3, -3)], float)
BESIDE = (
    Cluster((64, 36), (232, -6), 0.08, 24, 80, 0),
    Cluster((70, 214), (158, 246), -0.1, 19, 50, 1),
    Cluster((292, 150), (286, 196), 0.1, 12, 24, 1),
)
LENS_MIDDLE, LENS_RADIUS = np.array([168.0, 112.0]), 119


def far_from(points: np.ndarray, others: np.ndarray, apart: float) -> np.ndarray:
    """Mark the points that keep `apart` pixels from all others, (n,) bool."""
    away = np.linalg.norm(points[:, None] - others[None], axis=2)
    return away.min(axis=1) > apart


def thinned(points: np.ndarray, apart: float, kept: np.ndarray) -> np.ndarray:
    """Take points in turn unless one already taken, or one of `kept`, is too near."""
    taken = kept
    for point in points:
        if far_from(point[None], taken, apart)[0]:
            taken = np.vstack([taken, point])
    return taken[len(kept) :]


def scatter(cluster: Cluster, rng: np.random.Generator, *, apart: float = 5.6) -> np.ndarray:
    """Points of one cluster, (at most n, 2), none nearer to another than `apart` pixels."""
    start, end = np.array(cluster.start), np.array(cluster.end)
    along = end - start
    aside = np.array([-along[1], along[0]])
    t = rng.uniform(-0.05, 1.05, 6 * cluster.n)[:, None]
    spine = start + t * along + 4 * t * (1 - t) * cluster.bend * aside
    points = spine + np.clip(rng.normal(0, 1, spine.shape), -1.7, 1.7) * cluster.thick
    return thinned(points, apart, np.full((1, 2), -1e3))[: cluster.n]


def boundary(points: np.ndarray, margin: float) -> np.ndarray:
    """Sample a smooth closed line that keeps `margin` pixels from all points, (72, 2)."""
    middle = points.mean(axis=0)
    angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    directions = np.column_stack([np.cos(angles), np.sin(angles)])
    reach = ((points - middle) @ directions.T).max(axis=0) + margin
    spectrum = np.fft.rfft(reach)
    spectrum[5:] = 0  # only slow changes of direction are kept
    return middle + directions * np.fft.irfft(spectrum, 72)[:, None]


def dots(points: np.ndarray, radius: float, fill: str, extra: str = "") -> str:
    """SVG circles; `extra` holds further attributes of the group."""
    circles = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}"/>' for x, y in points)
    return f'<g fill="{fill}" {extra}>{circles}</g>'


def rings(points: np.ndarray, radius: float, width: float) -> str:
    """Open circles in the colour of the rare type."""
    return dots(points, radius, "none", f'stroke="{SIGNAL}" stroke-width="{width}"')


def cell_map(
    clusters: tuple[Cluster, ...], rare: np.ndarray, theme: Theme, rng: np.random.Generator
) -> str:
    """Draw the grey cells of one dataset, leaving room for the rare ones."""
    drawn = []
    for cluster in clusters:
        points = scatter(cluster, rng)
        points = points[far_from(points, rare, 10)]
        drawn.append(dots(points, 2.7, theme.greys[cluster.grey]))
    return "".join(drawn)


def reference_map(theme: Theme, rng: np.random.Generator) -> str:
    """Draw the first beat: a map with a few rare cells, and the circle that is looked into."""
    rare = RARE_REFERENCE + RARE * 0.27
    x, y = RARE_REFERENCE
    lens = f'<circle cx="{x}" cy="{y}" r="27" fill="none" stroke="{theme.line}"/>'
    return cell_map(REFERENCE, rare, theme, rng) + lens + dots(rare, 3.6, SIGNAL)


def close_up(theme: Theme, rng: np.random.Generator) -> str:
    """Draw the second beat: rare cells, synthetic cells between them, and the learnt boundary."""
    rare = LENS_MIDDLE + RARE
    mixed = rng.dirichlet(np.full(len(rare), 0.4), size=900) @ rare
    synthetic = thinned(mixed, 12.5, rare)
    edge = boundary(rare, 22)
    path = "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in edge) + "Z"
    beside = [(scatter(c, rng, apart=14), theme.greys[c.grey]) for c in BESIDE]
    inside = np.vstack([edge, rare, synthetic])
    grey = "".join(dots(p[far_from(p, inside, 15)], 5.4, colour) for p, colour in beside)
    x, y = LENS_MIDDLE
    circle = f'<circle cx="{x}" cy="{y}" r="{LENS_RADIUS}"'
    return (
        f'<clipPath id="lens">{circle}/></clipPath><g clip-path="url(#lens)">{grey}</g>'
        f'{circle} fill="none" stroke="{theme.line}"/>'
        f'<path d="{path}" fill="{SIGNAL}" fill-opacity="0.07" stroke="{theme.quiet}" '
        'stroke-width="1.6" stroke-dasharray="6 5" stroke-linecap="round"/>'
        + rings(synthetic, 4.8, 1.5)
        + dots(rare, 6.2, SIGNAL)
    )


def query_map(theme: Theme, rng: np.random.Generator) -> str:
    """Draw the third beat: another map, the found cells ringed."""
    turned = RARE[[1, 2, 3, 5, 6]] @ np.array([[0.14, 0.46], [-0.42, 0.07]])
    found = RARE_QUERY + turned
    return cell_map(QUERY, found, theme, rng) + rings(found, 6.6, 1.3) + dots(found, 3.6, SIGNAL)


def labelled(x: float, title: str, caption: str, drawing: str, theme: Theme) -> str:
    """Put one beat at `x` between its title and its caption; a beat is 336 wide."""
    text = f'<text x="{x + 168}" y="%d" text-anchor="middle" font-size="%d" %s>%s</text>'
    heading = text % (TITLE_LINE, 25, f'font-weight="600" fill="{theme.ink}"', title)
    below = text % (CAPTION_LINE, 21, f'fill="{theme.quiet}"', caption)
    return heading + f'<g transform="translate({x},{MAP_TOP})">{drawing}</g>' + below


def arrow(x: float, theme: Theme) -> str:
    """Draw an arrow, 56 wide, that starts at `x`."""
    y = MAP_TOP + 112
    return (
        f'<path d="M{x},{y}h54m-11,-9l11,9l-11,9" fill="none" stroke="{theme.quiet}" '
        'stroke-width="2.2" stroke-linecap="round" stroke-linejoin="round"/>'
    )


def picture(theme: Theme) -> str:
    """Compose the whole SVG document."""
    rng = np.random.default_rng(11)
    beats = (
        ("Your reference", "A few rare cells, labelled", reference_map(theme, rng)),
        ("Learn from synthetic cells", "Many more, made from the few", close_up(theme, rng)),
        ("Their data", "The same cells, found", query_map(theme, rng)),
    )
    places = (0, 432, 864)
    body = [labelled(x, *beat, theme) for x, beat in zip(places, beats, strict=True)]
    body += [arrow(x, theme) for x in (358, 790)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'aria-labelledby="t d" font-family="{FONT}"><title id="t">What Needle does</title>'
        f'<desc id="d">{DESCRIPTION}</desc>' + "\n".join(body) + "</svg>\n"
    )


def main() -> None:
    """Write one picture per theme beside this file."""
    for name, theme in THEMES.items():
        Path(__file__).with_name(f"how_it_works_{name}.svg").write_text(picture(theme), "utf-8")


if __name__ == "__main__":
    main()
