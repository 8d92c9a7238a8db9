"""The tables, as GitHub's markdown has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from benchmarks.transfer.outcomes import Outcome, by_method, mean_of

__all__ = ["absent_table", "f1_table", "mean_table", "row_of_means", "table", "task_table"]

QUALITY = ("precision", "recall", "F1", "average precision")
SECONDS = ("training, s", "calling, s")


def table(names: Sequence[str], rows: Iterable[Sequence[str]], *, n_words: int = 1) -> str:
    """A table whose first columns, `n_words` of them, hold words and the others numbers."""
    line = "|" + "---|" * n_words + "--:|" * (len(names) - n_words)
    return "\n".join([f"| {' | '.join(names)} |", line, *(f"| {' | '.join(r)} |" for r in rows)])


def row_of_means(outcomes: Sequence[Outcome]) -> list[str]:
    """Precision, recall, F1 and average precision, mean over tasks."""
    return [
        f"{mean_of(outcomes, lambda o: o.precision):.2f}",
        f"{mean_of(outcomes, lambda o: o.recall):.2f}",
        f"{mean_of(outcomes, lambda o: o.f1):.2f}",
        f"{mean_of(outcomes, lambda o: o.average_precision):.2f}",
    ]


def mean_table(outcomes: Iterable[Outcome]) -> str:
    """A row per method: means over the tasks."""
    rows = (
        [
            method,
            *row_of_means(group),
            f"{mean_of(group, lambda o: o.training):.1f}",
            f"{mean_of(group, lambda o: o.calling):.1f}",
        ]
        for method, group in by_method(outcomes).items()
    )
    return table(("mean over tasks", *QUALITY, *SECONDS), rows)


def f1_table(outcomes: Iterable[Outcome]) -> str:
    """F1 of every method on every task."""
    groups = by_method(outcomes)
    tasks = [outcome.case.transfer.name for outcome in next(iter(groups.values()))]
    rows = (
        [task, *(f"{group[number].f1:.2f}" for group in groups.values())]
        for number, task in enumerate(tasks)
    )
    return table(("F1", *groups), rows)


def task_table(outcomes: Iterable[Outcome]) -> str:
    """Everything: a row per task and method."""
    names = ("reference → query, rare type", "method", "found", "false calls")
    return table((*names, *QUALITY, *SECONDS), task_rows(outcomes), n_words=2)


def task_rows(outcomes: Iterable[Outcome]) -> Iterator[list[str]]:
    """Rows of :func:`task_table`: methods below each task, whose name stands once."""
    for same_task in zip(*by_method(outcomes).values(), strict=True):
        for number, outcome in enumerate(same_task):
            yield [
                "" if number else outcome.case.transfer.name,
                outcome.method,
                f"{outcome.n_found} of {outcome.case.is_rare.sum()}",
                str(outcome.n_false),
                f"{outcome.precision:.2f}",
                f"{outcome.recall:.2f}",
                f"{outcome.f1:.2f}",
                f"{outcome.average_precision:.2f}",
                f"{outcome.training:.1f}",
                f"{outcome.calling:.1f}",
            ]


def absent_table(outcomes: Iterable[Outcome]) -> str:
    """Calls per 1,000 cells where every call is false, with their number in brackets."""
    groups = by_method(outcomes)
    rows = [
        [
            f"{first.case.transfer.name} ({len(first.called):,} cells)",
            *(
                f"{group[number].per_thousand:.1f} ({group[number].n_false})"
                for group in groups.values()
            ),
        ]
        for number, first in enumerate(next(iter(groups.values())))
    ]
    means = [f"{mean_of(group, lambda o: o.per_thousand):.1f}" for group in groups.values()]
    return table(("calls per 1,000 cells", *groups), [*rows, ["mean", *means]])
