"""What a value in a configuration must be, and the refusal of any other."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

from core.errors import ParameterError

__all__ = ["is_number", "keep_names", "require", "require_number", "require_whole"]


def require(ok: bool, name: str, required: str, got: object) -> None:
    """Raise a ParameterError that names the parameter `name`, unless `ok`."""
    if not ok:
        raise ParameterError(
            f"`{name}` must be {required}. Got {got!r}.",
            code="E-PARAMETER",
            next_step=f"Choose another value for `{name}`.",
        )


def require_whole(config: Any, name: str, least: int, most: int | None = None) -> None:
    """Refuse a field that is no whole number from `least` to `most`; a truth value is none."""
    got = getattr(config, name)
    is_whole = isinstance(got, Integral) and not isinstance(got, bool)
    ok = is_whole and got >= least and (most is None or got <= most)
    span = f"of {least} or more" if most is None else f"from {least:,} to {most:,}"
    require(ok, name, f"a whole number {span}", got)


def require_number(config: Any, name: str, least: float, most: float) -> None:
    """Refuse a field that is no number from `least` to `most`."""
    got = getattr(config, name)
    ok = is_number(got) and not isinstance(got, bool) and least <= got <= most
    require(ok, name, f"a number from {least:g} to {most:g}", got)


def keep_names(config: Any, name: str) -> None:
    """Keep names as a tuple, each once; a lone text would fall apart into its letters."""
    got = getattr(config, name)
    is_list = isinstance(got, list | tuple) and all(isinstance(one, str) for one in got)
    names = tuple(dict.fromkeys(got)) if is_list else ()
    require(bool(names), name, "a list or tuple of at least one name", got)
    object.__setattr__(config, name, names)


def is_number(value: object) -> bool:
    """Whether `value` is a real number, and a finite one."""
    return isinstance(value, Real) and math.isfinite(value)
