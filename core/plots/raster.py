"""A picture of very many points, for maps that are too large for the browser's own drawing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

__all__ = ["Frame", "draw_points", "frame_of"]

LONG_SIDE = 1400  # pixels; twice a usual map's width on the page, sharp on dense screens too
OVERSAMPLING = 2  # drawn this much larger, then averaged down, which smooths the edges
CHUNK = 100_000  # points drawn at a time, to bound memory


@dataclass(frozen=True)
class Frame:
    """The part of the map that a figure shows, in map coordinates."""

    x0: float
    x1: float
    y0: float
    y1: float

    def pixels(self) -> tuple[int, int]:
        """Width and height of a picture of this frame, its pixels being square."""
        longest = max(self.x1 - self.x0, self.y1 - self.y0)
        width = round(LONG_SIDE * (self.x1 - self.x0) / longest)
        height = round(LONG_SIDE * (self.y1 - self.y0) / longest)
        return max(width, 1), max(height, 1)


def frame_of(xy: np.ndarray, *, margin: float = 0.04) -> Frame:
    """Frame around points, shape (n, 2), with `margin` times its longer side added all round."""
    if not len(xy):
        return Frame(-1.0, 1.0, -1.0, 1.0)
    low, high = xy.min(axis=0).astype(float), xy.max(axis=0).astype(float)
    # All points in one place still need a frame of some width.
    pad = margin * (float((high - low).max()) or 1.0)
    return Frame(low[0] - pad, high[0] + pad, low[1] - pad, high[1] + pad)


def draw_points(
    xy: np.ndarray, colours: np.ndarray, frame: Frame, *, radius: float = 2.0
) -> Image.Image:
    """Draw points as discs on a transparent picture; later points cover earlier ones.

    Parameters
    ----------
    xy : ndarray of shape (n, 2)
        Map coordinates inside `frame`.
    colours : ndarray of uint8, shape (n, 3)
        Red, green and blue of each point.
    frame : Frame
        What the picture covers; its upper edge is ``frame.y1``.
    radius : float
        Radius of a disc in pixels of the picture.

    Returns
    -------
    PIL.Image.Image
        RGBA, as large as ``frame.pixels()`` says.

    Examples
    --------
    >>> xy, red = np.array([[0.0, 0.0]]), np.array([[255, 0, 0]], dtype=np.uint8)
    >>> draw_points(xy, red, frame_of(xy)).mode
    'RGBA'
    """
    width, height = (OVERSAMPLING * side for side in frame.pixels())
    scale = np.array([width / (frame.x1 - frame.x0), height / (frame.y1 - frame.y0)])
    column = ((xy[:, 0].astype(float) - frame.x0) * scale[0]).astype(np.int32)
    row = ((frame.y1 - xy[:, 1].astype(float)) * scale[1]).astype(np.int32)
    canvas = np.zeros((height * width, 4), dtype=np.uint8)
    opaque = np.column_stack([colours, np.full(len(colours), 255, dtype=np.uint8)])
    down, right = _disc(radius * OVERSAMPLING)
    for start in range(0, len(xy), CHUNK):
        part = slice(start, start + CHUNK)
        rows = (row[part, None] + down).clip(0, height - 1)
        columns = (column[part, None] + right).clip(0, width - 1)
        # Point by point in order, so where discs overlap the assignment keeps the last one.
        canvas[(rows * width + columns).ravel()] = np.repeat(opaque[part], len(down), axis=0)
    picture = Image.fromarray(canvas.reshape(height, width, 4))
    return picture.reduce(OVERSAMPLING)


def _disc(radius: float) -> tuple[np.ndarray, np.ndarray]:
    reach = np.arange(-int(radius), int(radius) + 1, dtype=np.int32)
    down, right = np.meshgrid(reach, reach, indexing="ij")
    inside = down**2 + right**2 <= radius**2
    return down[inside], right[inside]
