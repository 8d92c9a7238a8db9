"""What is said of a file that is no model, or not the one that Needle wrote."""

from __future__ import annotations

from collections.abc import Collection

from core.errors import ModelFileError

__all__ = ["damaged", "missing", "no_model", "other_format", "pickled", "surplus", "untrusted"]

_ASK = "Do not use this file; ask its sender for a model saved by Needle."
_N_NAMED = 3
_LONGEST_NAME = 80


def missing(name: str) -> ModelFileError:
    """There is no such file."""
    return ModelFileError(
        f"The model {name} is not there any more.",
        code="E-MODEL-MISSING",
        next_step="Train it again, or choose another model.",
    )


def pickled(name: str) -> ModelFileError:
    """Opening the file would run what is in it."""
    return ModelFileError(
        f"{name} is a Python pickle. Opening one runs whatever code is in it, "
        "so Needle never does.",
        code="E-MODEL-PICKLE",
        next_step="Ask for the .skops file that `Save model` writes.",
    )


def no_model(name: str) -> ModelFileError:
    """The file is something else altogether."""
    return ModelFileError(
        f"{name} is no model that Needle wrote.",
        code="E-MODEL-FILE",
        next_step="Choose a .skops file from `Save model`.",
    )


def damaged(name: str) -> ModelFileError:
    """The file is not, or not any more, what Needle wrote."""
    return ModelFileError(
        f"{name} is damaged: it is cut short, or was altered after it was saved.",
        code="E-MODEL-DAMAGED",
        next_step="Download or save it again.",
    )


def other_format(name: str, got: object, readable: Collection[int]) -> ModelFileError:
    """The file is of a format that this Needle does not know."""
    *first, last = map(str, readable)
    return ModelFileError(
        f"{name} has model format {_cut(got)}; this Needle reads {', '.join(first)} and {last}.",
        code="E-MODEL-FORMAT",
        next_step="Update Needle, or save the model again with this version.",
    )


def untrusted(name: str, types: Collection[str]) -> ModelFileError:
    """The file wants types that no Needle model contains."""
    named = ", ".join(_cut(one) for one in sorted(types)[:_N_NAMED])
    return ModelFileError(
        f"{name} wants to load {named}, which no Needle model contains.",
        code="E-MODEL-UNTRUSTED",
        next_step=_ASK,
    )


def surplus(name: str, what: str) -> ModelFileError:
    """The file holds more than a model does."""
    return ModelFileError(
        f"{name} holds {_cut(what)}, which no Needle model does.",
        code="E-MODEL-CONTENT",
        next_step=_ASK,
    )


def _cut(text: object) -> str:
    text = str(text)
    return text if len(text) <= _LONGEST_NAME else text[: _LONGEST_NAME - 1] + "…"
