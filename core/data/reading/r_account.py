"""What parsing an R data file has taken so far, and where it is stopped."""

from __future__ import annotations

from core.data.reading.limits import require_fits
from core.data.reading.r_bytes import ByteStream
from core.errors import DataError

__all__ = ["Account"]

# Every object takes about 500 bytes and 10 µs, whatever the file takes for it.
MOST_OBJECTS = 500_000
_BETWEEN_QUESTIONS = 2**24


class Account:
    """Bytes and objects of one file.

    Parameters
    ----------
    stream : ByteStream
        The file.
    """

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._n_objects = 0
        self._n_bytes = 0
        self._next_question = 0

    def require_left(self, length: int, size: float) -> None:
        """Refuse a length that the rest of the file cannot hold.

        Parameters
        ----------
        length : int
            Elements that are announced; -1 stands for a missing text.
        size : float
            Bytes of the file that each takes at the least.

        Raises
        ------
        ValueError
        """
        if length < -1 or length * size > self._stream.most_left:
            raise ValueError("a vector is longer than the file")

    def make_room(self, n_bytes: int) -> None:
        """Refuse what does not fit into memory together with what came before it.

        Raises
        ------
        DataError
            ``E-TOO-LARGE``.
        """
        self._n_bytes += n_bytes
        if self._n_bytes >= self._next_question:  # not for every text: the answer takes its time
            self._next_question = self._n_bytes + _BETWEEN_QUESTIONS
            require_fits(self._n_bytes, "its content", self._stream.path.name)

    def count_object(self) -> None:
        """Refuse more objects than any dataset has.

        Raises
        ------
        DataError
            ``E-TOO-DEEP``.
        """
        self._n_objects += 1
        if self._n_objects > MOST_OBJECTS:
            raise DataError(
                f"{self._stream.path.name} has more than {MOST_OBJECTS:,} objects in it; "
                "a dataset has a few thousand.",
                code="E-TOO-DEEP",
                next_step="Save the matrix of counts by itself and load that.",
            )
