"""Questions that a file leaves open, and the answers that came with it.

Whoever reads or checks a file asks here, goes on with the answer or with the best guess, and so
finds everything that is to be said about the file in one pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.errors import Finding, ParameterError

__all__ = ["Choices"]


class Choices:
    """Answers to questions about one file, and the questions that were put so far.

    Parameters
    ----------
    answers : mapping of str to str, optional
        For the code of a question, such as ``"C-ORIENTATION"``, the chosen option.

    Examples
    --------
    >>> choices = Choices({"C-ORIENTATION": "cells-in-rows"})
    >>> options = {"cells-in-rows": "One cell a row.", "genes-in-rows": "One gene a row."}
    >>> choices.ask("C-ORIENTATION", "Rows may be cells or genes.", options)
    'cells-in-rows'
    >>> choices.findings
    ()
    """

    def __init__(self, answers: Mapping[str, str] | None = None) -> None:
        self.answers = dict(answers or {})
        self._asked: dict[str, Finding] = {}

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Questions without an answer (``C-``), and offers that nobody took up (``W-``)."""
        return tuple(f for code, f in self._asked.items() if code not in self.answers)

    @property
    def open(self) -> tuple[Finding, ...]:
        """The questions among :attr:`findings` that must be answered."""
        return tuple(finding for finding in self.findings if finding.code.startswith("C-"))

    def ask(
        self,
        code: str,
        message: str,
        options: Mapping[str, str],
        *,
        suggested: str = "",
        next_step: str = "",
    ) -> str:
        """Put a question, and return its answer, or the suggested one for the time being.

        Parameters
        ----------
        code : str
            ``C-…`` for a question that must be answered before the file is taken, ``W-…`` for an
            offer that may be taken up.
        message : str
            What was seen, one plain sentence.
        options : mapping of str to str
            For every possible answer, what it means.
        suggested : str
            The most likely answer; for an offer, empty: leave it as it is.
        next_step : str
            What to do; by default to choose.

        Returns
        -------
        str
            A key of `options`, or `suggested`.

        Raises
        ------
        ParameterError
            ``E-CHOICE`` when the answer is none of the options.
        """
        step = next_step or "Choose one of the answers."
        self._asked[code] = Finding(code, message, step, dict(options), suggested)
        answer = self.answers.get(code, suggested)
        if code in self.answers and answer not in options:
            raise _unfit(
                [code],
                f"`choices[{code!r}]` must be one of {', '.join(map(repr, options))}. "
                f"Got {answer!r}.",
                "Choose one of these.",
            )
        return answer

    def require_all_used(self) -> None:
        """Refuse answers to questions that this file does not put.

        Raises
        ------
        ParameterError
            ``E-CHOICE``.
        """
        unknown = sorted(set(self.answers) - set(self._asked))
        if unknown:
            raise _unfit(
                unknown,
                f"`choices` must answer questions of this file. It does not ask {unknown[0]!r}.",
                "Leave that answer out.",
            )


def _unfit(codes: Sequence[str], message: str, next_step: str) -> ParameterError:
    error = ParameterError(message, code="E-CHOICE", next_step=next_step)
    error.unfit_answers = tuple(codes)
    return error
