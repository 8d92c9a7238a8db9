"""What computed a run: the versions of Needle, of Python and of the libraries behind the results.

They are read from the libraries' descriptions on disk, because importing them takes seconds.
"""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from core import __version__

__all__ = ["versions"]

LIBRARIES = (
    "numpy",
    "scipy",
    "pandas",
    "scikit-learn",
    "imbalanced-learn",
    "anndata",
    "scanpy",
    "umap-learn",
    "skops",
)


def versions() -> dict[str, str]:
    """Return the versions by name; a library that is not installed is left out.

    Examples
    --------
    >>> list(versions())[:3]
    ['needle', 'python', 'numpy']
    """
    return {"needle": __version__, "python": platform.python_version()} | _libraries()


@cache
def _libraries() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
