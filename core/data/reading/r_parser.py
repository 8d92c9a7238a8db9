"""Parse R's serialised objects within limits, with the grammar of the library rdata.

What rdata does not check, or keeps at a price, is done here: a length is believed only when the
file can still hold as much and memory has room for it; lists of any length need no recursion; a
column of text costs a pointer per cell; and parts of Seurat objects that nobody asks for (scaled
data, graphs, images) are passed over. Nothing that an R file holds is ever run: functions are
structure to be skipped.

References
----------
"Serialization formats", in: R Core Team, R Internals, section 1.8.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from rdata.parser import RObject, RObjectInfo, RObjectType
from rdata.parser._parser import BYTECODE_SPECIAL_SET, Parser  # have no public names

from core.data.reading.r_account import Account
from core.data.reading.r_short_forms import short_forms
from core.data.reading.r_stream import BinaryStream, TextStream

__all__ = ["parse"]

_HAS_ATTRIBUTES, _HAS_TAG = 1 << 9, 1 << 10
_CHAR, _STR, _LIST, _LANG, _WEAKREF, _RAW = 9, 16, 2, 6, 23, 24
_PERSISTENT, _PACKAGE, _BASE, _UNBOUND, _NIL = 247, 248, 250, 252, 254
_LATIN1 = 1 << (12 + 2)
_BYTES_OF_TEXT = 80
# Slots of Seurat and SingleCellExperiment objects that hold no cells, or hold them once more.
_UNREAD = {
    *("scale.data", "graphs", "neighbors", "images", "commands", "tools", "misc", "jackstraw"),
    *("feature.loadings", "feature.loadings.projected", "metadata", "int_metadata"),
    *("srcref", "srcfile", "wholeSrcref"),
}


def parse(stream: BinaryStream | TextStream) -> RObject:
    """Parse everything that a file holds.

    Parameters
    ----------
    stream : BinaryStream or TextStream
        Behind the first lines.

    Returns
    -------
    rdata.parser.RObject
        Vectors of numbers are arrays (missing integers and logicals: the smallest integer),
        vectors of text lists of str or ``None``.

    Raises
    ------
    DataError
        ``E-TOO-LARGE``, ``E-TOO-DEEP``, ``E-EXPANDS`` or ``E-FILE-DAMAGED``.
    """
    parsed = _LimitedParser(stream).parse_all().object
    stream.finish()
    return parsed


class _LimitedParser(Parser):
    """rdata's parser, reading from a stream that is counted."""

    def __init__(self, stream: BinaryStream | TextStream) -> None:
        self._account = Account(stream)
        super().__init__(
            expand_altrep=True, altrep_constructor_dict=short_forms(self._account.make_room)
        )
        self._stream = stream
        self._texts: dict[bytes, str] = {}
        self._n_unread = 0  # how many of the slots around us are passed over
        # Names of objects in an .RData file are somebody's own.
        self._keep_tags = stream.whole

    def parse_R_object(  # noqa: N802 (rdata's name)
        self,
        reference_list: list[RObject] | None = None,
        bytecode_rep_list: list[RObject | None] | None = None,
        info_int: int | None = None,
    ) -> RObject:
        """Parse one object with everything in it."""
        references = [] if reference_list is None else reference_list
        self._account.count_object()
        if info_int is not None and RObjectType(info_int) in BYTECODE_SPECIAL_SET:
            return super().parse_R_object(references, bytecode_rep_list, info_int)
        flags = self.parse_int()
        kind = flags & 0xFF
        if kind == _NIL:
            return _NOTHING
        if kind == _STR:
            return self._parse_texts(flags, references)
        if kind in (_LIST, _LANG):
            return self._parse_pairlist(flags, references)
        if kind in (_RAW, _WEAKREF, _PERSISTENT, _PACKAGE, _BASE, _UNBOUND):
            return self._parse_opaque(flags, references)
        self._put_back = flags
        # Outside the code itself a list of repetitions is not valid any more; rdata keeps it, and
        # stumbles over functions inside compiled code.
        return super().parse_R_object(references, None)

    _put_back: int | None = None

    def parse_int(self) -> int:
        """Parse an integer."""
        if self._put_back is not None:
            value, self._put_back = self._put_back, None
            return value
        return self._stream.integer()

    def parse_string(self, length: int) -> bytes:
        """Parse the bytes of one text."""
        self._account.require_left(length, 1)
        return self._stream.text(length)

    def parse_nullable_int_array(self, *, fill_value: object = None) -> npt.NDArray[np.int32]:
        """Parse integers; a missing one stays the smallest integer."""
        return self._parse_array(np.int32)

    def parse_nullable_bool_array(self, *, fill_value: object = None) -> npt.NDArray[np.int32]:
        """Parse logical values as 0, 1 and, when missing, the smallest integer."""
        return self._parse_array(np.int32)

    def _parse_array(self, dtype: npt.DTypeLike) -> npt.NDArray:
        size = np.dtype(dtype).itemsize
        length = self._length(size * self._stream.number_size)
        if self._n_unread:
            self._stream.skip_numbers(dtype, length)
            return np.empty(0, dtype)
        self._account.make_room(length * size)
        return self._stream.numbers(dtype, length)

    def _parse_array_values(self, dtype: npt.DTypeLike, length: int) -> npt.NDArray:
        return self._stream.numbers(dtype, length)

    def _parse_vector_value(
        self,
        reference_list: list[RObject] | None,
        bytecode_rep_list: list[RObject | None] | None = None,
    ) -> list[RObject]:
        length = self._length(2)
        return [self.parse_R_object(reference_list, bytecode_rep_list) for _ in range(length)]

    def _parse_bytecode(
        self,
        reference_list: list[RObject] | None,
        bytecode_rep_list: list[RObject | None] | None = None,
    ) -> tuple[RObject, list[RObject]]:
        if bytecode_rep_list is None:
            # rdata would make a list of any length that a file asks for.
            n_repeated = self.parse_int()
            self._account.require_left(n_repeated, 1)
            self._put_back = n_repeated
        return super()._parse_bytecode(reference_list, bytecode_rep_list)

    def _parse_texts(self, flags: int, references: list[RObject]) -> RObject:
        length = self._length(2)
        if self._n_unread:
            for _ in range(length):
                self._skip_text()
            return self._object(RObjectType.STR, [], flags, references)
        self._account.make_room(length * 8)
        texts = [self._text() for _ in range(length)]
        return self._object(RObjectType.STR, texts, flags, references)

    def _text(self) -> str | None:
        flags, length = self._text_head()
        if length == -1:
            return None
        packed = self._stream.text(length)
        text = self._texts.get(packed)
        if text is None:
            self._account.make_room(_BYTES_OF_TEXT + 2 * length)
            text = self._texts[packed] = _decoded(packed, flags)
        return text

    def _skip_text(self) -> None:
        _, length = self._text_head()
        if length >= 0:
            self._stream.skip_text(length)

    def _text_head(self) -> tuple[int, int]:
        flags, length = self._stream.integer(), self._stream.integer()
        if flags & 0xFF != _CHAR or length < -1:
            raise ValueError("a vector of text holds something else")
        self._account.require_left(length, 1)
        return flags, length

    def _parse_pairlist(self, flags: int, references: list[RObject]) -> RObject:
        """Parse a list whose every cell leads to the next, without recursion along it."""
        cells, keep_tags, self._keep_tags = [], self._keep_tags, False
        while flags & 0xFF in (_LIST, _LANG):
            self._account.count_object()
            attributes = self._attributes(flags, references)
            tag = self.parse_R_object(references) if flags & _HAS_TAG else None
            unread = not keep_tags and tag is not None and _symbol(tag) in _UNREAD
            self._n_unread += unread
            cells.append((flags & 0xFF, attributes, tag, self.parse_R_object(references)))
            self._n_unread -= unread
            flags = self.parse_int()
        self._put_back = flags
        rest = self.parse_R_object(references)
        for kind, attributes, tag, value in reversed(cells):
            info = RObjectInfo(
                RObjectType(kind), False, attributes is not None, tag is not None, 0, 0
            )
            rest = RObject(info, (value, rest), attributes, tag)
        return rest

    def _parse_opaque(self, flags: int, references: list[RObject]) -> RObject:
        """Parse what rdata does not know, and what says nothing about cells."""
        kind = flags & 0xFF
        if kind in (_WEAKREF, _PERSISTENT, _PACKAGE):
            references.append(_NOTHING)
        if kind == _RAW:
            self._stream.skip_bytes(self._length(1))
        elif kind in (_PERSISTENT, _PACKAGE):
            self.parse_int()
            self._parse_vector_value(references)
        if kind in (_RAW, _WEAKREF):
            self._attributes(flags, references)
        return _NOTHING

    def _attributes(self, flags: int, references: list[RObject]) -> RObject | None:
        return self.parse_R_object(references) if flags & _HAS_ATTRIBUTES else None

    def _object(
        self, kind: RObjectType, value: object, flags: int, references: list[RObject]
    ) -> RObject:
        attributes = self._attributes(flags, references)
        info = RObjectInfo(kind, bool(flags & 0x100), attributes is not None, False, 0, 0)
        return RObject(info, value, attributes)

    def _length(self, size: float) -> int:
        """Length of a vector, each element of which takes at least `size` bytes of the file."""
        length = self.parse_int()
        if length == -1:  # more than 2³¹ − 1, in two parts
            length = (self.parse_int() << 32) + (self.parse_int() & 0xFFFFFFFF)
        self._account.require_left(length, size)
        return length


_NOTHING = RObject(RObjectInfo(RObjectType.NILVALUE, False, False, False, 0, 0), None, None)


def _symbol(tag: RObject) -> str:
    symbol = tag.referenced_object or tag
    name = getattr(symbol.value, "value", None)
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else ""


def _decoded(text: bytes, flags: int) -> str:
    if flags & _LATIN1:
        return text.decode("latin-1")
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:  # written where the machine's own encoding was another one
        return text.decode("latin-1")
