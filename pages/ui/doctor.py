"""The report on a file, calm and short: what it was taken for, what is odd, what was repaired."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import streamlit as st

from core.data import FileReport
from core.errors import Finding
from pages.ui.messages import draw_lines, first_few, plain, plain_name, step_sentence

__all__ = [
    "KEEP",
    "TakeUp",
    "change_button",
    "draw_details",
    "draw_remarks",
    "facts",
    "remarks",
    "report_button",
    "show_report",
    "verb",
]

# Called with the codes of offers and the options that were taken.
TakeUp = Callable[[dict[str, str]], None]

# The option of an offer that changes nothing.
KEEP = "keep"
MOST_IN_SIGHT = 3
LONGEST_NAME = 60
_NO_FILE = "AnnData"  # what came from memory, as the demo does
_SCALES = {
    "counts": "counts",
    "log1p": "log-normalised values",
    "linear": "values that are not whole counts",
}
_GENE_IDS = {"symbols": "gene symbols", "ensembl": "Ensembl ids"}
_VERBS = {
    ("W-GENE-IDS", "table"): "Name genes by symbols",
    ("W-MOUSE", "human-orthologs"): "Use human orthologs",
    ("W-LABEL-VARIANTS", "merge"): "Merge these spellings",
    ("W-GENE-NAMES-MANGLED", "repair"): "Repair the names",
    ("W-GENE-NAMES-MANGLED", "human"): "Write as human symbols",
    ("W-GENE-NAMES-MANGLED", "mouse"): "Write as mouse symbols",
}
_ICONS = {
    "E": ":red[:material/error:]",
    "C": ":blue[:material/help:]",
    "W": ":orange[:material/warning:]",
    "F": ":green[:material/build:]",
}
_GROUPS = {"E": "Refused", "C": "Needs an answer", "W": "Odd", "F": "Repaired"}


def show_report(
    report: FileReport,
    *,
    role: str,
    name: str = "",
    take_up: TakeUp | None = None,
    change: Callable[[], None] | None = None,
    quiet: bool = False,
    key: str,
) -> None:
    """Draw the report on a file that was read.

    Parameters
    ----------
    report : FileReport
        Of the dataset.
    role : {"reference", "query"}
        What it is used for: about the labels of a query nothing is said.
    name : str
        What the dataset is called, unless that stands above the report.
    take_up : callable or None
        Takes up an offer; ``None`` when the file is not there any more.
    change : callable or None
        Puts the questions that were answered again; ``None`` when there is nothing to change.
    quiet : bool
        Leave out all but the first line, as for the demo.
    key : str
        Name of this report on its page.
    """
    with st.container(horizontal=True, vertical_alignment="center", key=f"doctor-{key}"):
        named = f"**{plain_name(name)}** · " if name else ""
        st.markdown(f"{named}{facts(report)}", width="content")
        if not quiet:
            report_button(report, key=key)
        if change is not None:
            change_button(change, key=key)
    if quiet:
        return
    draw_details(report)
    found = remarks(report, role)
    offers = [finding for finding in found if finding.options]
    others = [finding for finding in found if not finding.options]
    for finding in offers:
        _draw_offer(finding, take_up, key)
    if len(others) > MOST_IN_SIGHT:
        with st.expander(f"{len(others)} remarks on this file", icon=":material/fact_check:"):
            draw_remarks(others)
    else:
        draw_remarks(others)


def facts(report: FileReport) -> str:
    """Say in one line of Markdown what a file was taken for."""
    parts = ["" if report.format == _NO_FILE else plain(report.format)]
    if report.n_cells is not None:
        genes = "" if report.n_genes is None else f" × {report.n_genes:,} genes"
        parts.append(f"**{report.n_cells:,} cells{genes}**")
    parts += [_expression(report), _genes(report), _samples(report.sample_columns)]
    return " · ".join(part for part in parts if part)


def draw_details(report: FileReport) -> None:
    """Say by what the values were recognised, and which other matrices there are."""
    said = [plain(report.scale_reason.rstrip("."))] if report.scale_reason else []
    if report.layers:
        said.append(f"In the file: {first_few(report.layers)}")
    if said:
        st.caption(". ".join(said) + ".")


def remarks(report: FileReport, role: str) -> list[Finding]:
    """What was odd or was repaired; of a query, nothing about labels."""
    found = [finding for finding in report.findings if finding.code.startswith(("W-", "F-"))]
    found = [finding for finding in found if role != "query" or "-LABEL" not in finding.code]
    return sorted(found, key=lambda finding: finding.code.startswith("F-"))


def draw_remarks(findings: Sequence[Finding]) -> None:
    """Draw findings one below the other, by kind, those of one code together."""
    letters = dict.fromkeys(finding.code[0] for finding in findings)
    for letter in letters:
        of_kind = [finding for finding in findings if finding.code.startswith(letter)]
        with st.container(gap="xsmall"):
            if len(letters) > 1:
                st.caption(_GROUPS[letter])
            for code in dict.fromkeys(finding.code for finding in of_kind):
                same = [f for f in of_kind if f.code == code]
                st.markdown(_sentences(same))
                for finding in same:
                    draw_lines(code, finding.next_step)


def report_button(report: FileReport, *, key: str) -> None:
    """Offer the whole report as a file."""
    st.download_button(
        "Report (JSON)",
        data=report.to_json,
        file_name=f"{Path(report.name).name or 'file'}_report.json",
        mime="application/json",
        on_click="ignore",
        type="tertiary",
        icon=":material/download:",
        key=f"report.{key}",
    )


def change_button(change: Callable[[], None], *, key: str) -> None:
    """Offer to put the questions about a file again."""
    st.button(
        "Change answers",
        on_click=change,
        type="tertiary",
        icon=":material/edit:",
        key=f"change.{key}",
        help="Asks again what was asked about this file; the answers so far are chosen already.",
    )


def _draw_offer(finding: Finding, take_up: TakeUp | None, key: str) -> None:
    with st.container(key=f"offer-{key}-{finding.code}"):
        st.markdown(_sentences([finding]))
        with st.container(horizontal=True):
            for option, meaning in finding.options.items():
                if option == KEEP:  # that is how it stands
                    continue
                st.button(
                    plain(verb(finding.code, option, meaning)),
                    key=f"offer.{key}.{finding.code}.{option}",
                    on_click=take_up,
                    args=({finding.code: option},),
                    disabled=take_up is None,
                    help=plain(meaning) if take_up else "Load the file again to choose this.",
                )


def verb(code: str, option: str, meaning: str = "") -> str:
    """What a button says: short for offers that are known, else as much as fits of the meaning."""
    if code == "W-GENE-IDS" and option.startswith("column:"):
        return f"Name genes by {option.removeprefix('column:')[:LONGEST_NAME]!r}"
    if (code, option) in _VERBS:
        return _VERBS[code, option]
    if code == "C-EXPRESSION":  # the rest says what it holds
        meaning = meaning.partition(": ")[0]
    text = (meaning or option).rstrip(".")
    return text if len(text) <= LONGEST_NAME else f"{text[: LONGEST_NAME - 1].rstrip()}…"


def _sentences(findings: Iterable[Finding]) -> str:
    lines = [_sentence(finding) for finding in findings]
    code = next(iter(findings)).code
    if len(lines) == 1:
        return f"{_ICONS[code[0]]} {lines[0]} `{code}`"
    return f"{_ICONS[code[0]]} `{code}`\n\n" + "\n".join(f"- {line}" for line in lines)


def _sentence(finding: Finding) -> str:
    step = plain(step_sentence(finding.next_step))
    if step and "`" not in step:  # a bracket inside code would end the colour too early
        step = f":gray[{step}]"
    return f"{plain(finding.message)} {step}".strip()


def _expression(report: FileReport) -> str:
    if not report.scale:
        return ""
    place = "" if report.expression in ("", "X") else f" from {plain(report.expression)}"
    return _SCALES.get(report.scale, plain(report.scale)) + place


def _genes(report: FileReport) -> str:
    return ", ".join(
        part for part in (plain(report.organism), _GENE_IDS.get(report.gene_ids, "")) if part
    )


def _samples(columns: Sequence[str]) -> str:
    shown = ", ".join(plain(f"`{column[:LONGEST_NAME]}`") for column in columns[:3])
    return f"samples in {shown}" if shown else ""
