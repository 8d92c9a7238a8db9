"""Vectors that R keeps in a shorter form (ALTREP), written out in full.

References
----------
L. Tierney, G. Becker and T. Kalibera, "ALTREP: Alternative representations for R objects", in the
sources of R.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from rdata.parser import RObject, RObjectInfo, RObjectType
from rdata.parser._parser import AltRepConstructor, wrap_constructor  # have no public names

__all__ = ["short_forms"]

_BYTES_OF_TEXT = 80
_WRAPPED = ("real", "string", "logical", "integer", "complex", "raw")


def short_forms(make_room: Callable[[int], None]) -> dict[bytes, AltRepConstructor]:
    """Name the short forms that are read; any other is a ``KeyError``.

    Parameters
    ----------
    make_room : callable
        Is told how many bytes the full form takes, before it is written out.

    Returns
    -------
    dict of bytes to callable
        As rdata's parser asks for them.
    """

    def integers(state: RObject) -> tuple[RObjectInfo, object]:
        return _plain(RObjectType.INT), _sequence(state, make_room).astype(np.int32)

    def reals(state: RObject) -> tuple[RObjectInfo, object]:
        return _plain(RObjectType.REAL), _sequence(state, make_room)

    def texts(state: RObject) -> tuple[RObjectInfo, object]:
        numbers = state.value[0]
        make_room(len(numbers.value) * _BYTES_OF_TEXT)
        write = _integer_text if numbers.info.type is RObjectType.INT else _real_text
        return _plain(RObjectType.STR), [write(number) for number in numbers.value.tolist()]

    wrapped = {f"wrap_{kind}".encode(): wrap_constructor for kind in _WRAPPED}
    return wrapped | {
        b"compact_intseq": integers,
        b"compact_realseq": reals,
        b"deferred_string": texts,
    }


def _sequence(state: RObject, make_room: Callable[[int], None]) -> npt.NDArray[np.float64]:
    """Write out a sequence of which R keeps the length, the beginning and the step."""
    if len(state.value) != 3:  # passed over, with the slot around it
        return np.empty(0)
    n, start, step = (float(value) for value in state.value)
    make_room(int(n) * 8)
    return start + step * np.arange(int(n))


def _plain(kind: RObjectType) -> RObjectInfo:
    return RObjectInfo(kind, False, False, False, 0, 0)


def _integer_text(number: int) -> str | None:
    return None if number == -(2**31) else str(number)


def _real_text(number: float) -> str | None:
    """Write a number as R does: 15 digits, in the shorter of two ways."""
    if math.isnan(number):
        return None
    rounded = float(f"{number:.15g}")
    fixed = np.format_float_positional(rounded, trim="-")
    scientific = np.format_float_scientific(rounded, trim="-", exp_digits=2)
    return scientific if len(scientific) < len(fixed) else fixed
