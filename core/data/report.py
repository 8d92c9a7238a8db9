"""The report on one file: what it was taken for, what was repaired, what is odd or still open."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, Self

from core.errors import Finding

__all__ = ["FileReport", "with_name", "without_name"]

Verdict = Literal["refused", "choose", "odd", "repaired", "fine"]
_BY_LETTER: tuple[tuple[str, Verdict], ...] = (
    ("E-", "refused"),
    ("C-", "choose"),
    ("W-", "odd"),
    ("F-", "repaired"),
)


@dataclass(frozen=True)
class FileReport:
    """What Needle saw in a file.

    Parameters
    ----------
    name : str
        The file's name.
    format : str
        What it was recognised as, such as ``".h5ad"`` or ``"10x Genomics folder"``; empty when it
        was not.
    n_bytes : int
        Size on disk.
    n_cells, n_genes : int or None
        ``None`` when it could not be read as far as that.
    organism : {"human", "mouse", ""}
        By the names of its genes; empty when they do not tell.
    gene_ids : str
        Style of these names: ``"symbols"``, ``"ensembl"``, ``"other"`` or empty.
    expression : str
        Where the expression values were taken from, such as ``"X"`` or ``"layer 'counts'"``.
    scale : str
        What they are: ``"counts"``, ``"log1p"``, ``"linear"`` or empty.
    scale_reason : str
        By what that was recognised, and how sure it is, in one sentence.
    layers : tuple of str
        Every matrix that the file holds.
    label_columns, sample_columns : tuple of str
        Columns that can serve as cell types, and columns that name samples or batches.
    findings : tuple of Finding
        Refusals (``E-``), open questions (``C-``), warnings and offers (``W-``), repairs (``F-``).
    answers : dict of str to str
        The choices with which it was read.
    """

    name: str
    format: str = ""
    n_bytes: int = 0
    n_cells: int | None = None
    n_genes: int | None = None
    organism: str = ""
    gene_ids: str = ""
    expression: str = ""
    scale: str = ""
    scale_reason: str = ""
    layers: tuple[str, ...] = ()
    label_columns: tuple[str, ...] = ()
    sample_columns: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    answers: dict[str, str] = field(default_factory=dict, hash=False)

    @property
    def verdict(self) -> Verdict:
        """The gravest of its findings: refused, choose, odd, repaired; else fine."""
        codes = [finding.code for finding in self.findings]
        for letter, verdict in _BY_LETTER:
            if any(code.startswith(letter) for code in codes):
                return verdict
        return "fine"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, with the verdict."""
        return {"verdict": self.verdict} | asdict(self)

    def to_json(self) -> str:
        """Everything as JSON, for people and scripts."""
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Make a report from what :meth:`to_dict` returned."""
        known = {f.name for f in fields(cls)}
        kept = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items() if k in known}
        kept["findings"] = tuple(Finding(**finding) for finding in kept.get("findings", ()))
        return cls(**kept)


# Stands for the name of a file, which belongs to whoever loads the same content next.
_NAME = "\ue000"


def without_name(report: FileReport) -> FileReport:
    """Take the file's name out of a report: the same content may come from several people."""
    if not report.name:
        return report
    pattern = re.compile(rf"(?<!\w){re.escape(report.name)}(?!\w)")
    return replace(report, name=_NAME, findings=_changed(report, pattern, _NAME))


def with_name(report: FileReport, name: str) -> FileReport:
    """Put the name of somebody's own file into a report again."""
    return replace(report, name=name, findings=_changed(report, re.compile(_NAME), name))


def _changed(report: FileReport, old: re.Pattern[str], new: str) -> tuple[Finding, ...]:
    return tuple(
        replace(
            finding,
            message=old.sub(lambda _: new, finding.message),
            next_step=old.sub(lambda _: new, finding.next_step),
        )
        for finding in report.findings
    )
