"""What Needle says when something is wrong, odd, or was repaired.

Every message has three parts: a stable ``code`` for scripts and tests, one plain sentence
(``message``), and what to do about it (``next_step``). Codes start with ``E-`` (refused),
``W-`` (accepted with a warning), ``F-`` (fixed, and says what was changed) or ``C-`` (the user
has to choose).

The tree of exceptions::

    NeedleError
    ├── DataError             a file or dataset that cannot be used
    │   └── ChoiceNeeded      a dataset that can be used once the user has chosen
    ├── ParameterError        a value that does not fit this dataset
    ├── QueryMismatchError    a query that shares too few genes with the model
    ├── ModelFileError        a file that is not a Needle model
    └── RunError              a run that cannot be started, found or finished
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "ChoiceNeeded",
    "DataError",
    "Finding",
    "ModelFileError",
    "NeedleError",
    "ParameterError",
    "QueryMismatchError",
    "RunError",
]


@dataclass(frozen=True)
class Finding:
    """Something noticed about a file or dataset.

    Parameters
    ----------
    code : str
        Stable identifier: ``W-…`` for a warning, ``F-…`` for a repair, ``C-…`` for a question, and
        in the report of a refused file ``E-…`` for the reason.
    message : str
        One plain sentence.
    next_step : str
        What the user may do about it; empty when there is nothing to do.
    options : dict of str to str
        Possible answers with their meaning, where there is something to choose. One of them goes
        into ``choices`` of :func:`core.open_dataset` under `code`.
    suggested : str
        The most likely of `options`; empty when none is.
    """

    code: str
    message: str
    next_step: str = ""
    options: dict[str, str] = field(default_factory=dict, hash=False)
    suggested: str = ""


class NeedleError(Exception):
    """Root of everything that Needle raises on purpose.

    Parameters
    ----------
    message : str
        One plain sentence that names the parameter or file, what is required and what came.
    code : str
        Stable identifier, ``E-…``.
    next_step : str
        What the user can do now.
    """

    def __init__(self, message: str, *, code: str, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.message} {self.next_step}".strip() + f" [{self.code}]"


class DataError(NeedleError):
    """A file or dataset cannot be used as it is.

    Attributes
    ----------
    report : core.FileReport or None
        Everything that was found in the file, when it could be read as far as that.
    """

    report: Any = None


class ChoiceNeeded(DataError):
    """A dataset can be used once the user has chosen between `options`.

    Its `report` lists every question that the file leaves open, not just this first one.
    """

    def __init__(
        self, message: str, *, code: str, options: Mapping[str, str], next_step: str = ""
    ) -> None:
        super().__init__(message, code=code, next_step=next_step)
        self.options = dict(options)


class ParameterError(NeedleError, ValueError):
    """A parameter does not fit; also a ``ValueError``, as scikit-learn's tools expect.

    Attributes
    ----------
    unfit_answers : tuple of str
        With ``E-CHOICE``: the codes in ``choices`` whose answers do not fit the file.
    """

    unfit_answers: tuple[str, ...] = ()


class QueryMismatchError(NeedleError):
    """A query dataset shares too few genes with the model."""


class ModelFileError(NeedleError):
    """A file is not a model that Needle wrote."""


class RunError(NeedleError):
    """A run cannot be started, found or finished."""
