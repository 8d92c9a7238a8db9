"""The procedure of a search: what is tried, what goes on, what wins; with every fold left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from core.config import RareTask
from core.data import Dataset
from core.errors import ParameterError
from core.search.conclude import conclude
from core.search.evaluate import Evaluator
from core.search.plan import SearchPlan, plan_search
from core.search.ranking import survivors
from core.search.result import SearchResult, SettingResult
from core.search.space import SearchConfig

__all__ = ["iter_search", "run_search", "search_parameters"]


def search_parameters(
    dataset: Dataset,
    task: RareTask,
    config: SearchConfig,
    *,
    progress: Callable[[SettingResult, int, int], None] | None = None,
) -> SearchResult:
    """Search for good parameters, and estimate honestly what the best ones reach.

    Parameters
    ----------
    dataset : Dataset
        Reference cells; those without a label take no part.
    task : RareTask
        Label column and rare type.
    config : SearchConfig
        What may vary, how it is searched, and the seed; the same seed gives the same numbers.
    progress : callable or None
        Called after every setting with its result, its place in its rung (from 1), and the number
        of settings in that rung.

    Returns
    -------
    SearchResult

    Raises
    ------
    ParameterError
        ``E-SEARCH-LARGE`` for a grid of more than 5,000 settings, ``E-SEARCH-EMPTY`` when no
        setting is possible with these cells, ``E-SEARCH-SAMPLES`` when samples divide the cells
        and any two of them hold nearly all of a kind; else as :func:`core.iter_folds`.
    DataError
        ``E-LABEL-COLUMN`` or ``E-LABEL-ONE-TYPE``.

    Notes
    -----
    The best of many scores is too good, because it was chosen for being high. Nested
    cross-validation leaves out one fold, repeats the whole procedure without it (marker choice,
    scaling, oversampling, fitting, threshold, and the choice of the winner), and tests the winner
    on that fold. With k folds, the inner models for the outer fold f are those trained without f
    and one more fold g; the same models serve where g is the outer fold. So a setting takes
    k (k + 1) / 2 models in place of k².

    Settings that score alike: the simplest method wins, then the fewest markers.

    References
    ----------
    Varma, Simon: Bias in error estimation when using cross-validation for model selection. BMC
    Bioinformatics 7:91 (2006), DOI 10.1186/1471-2105-7-91.
    Cawley, Talbot: On over-fitting in model selection and subsequent selection bias in performance
    evaluation. J. Mach. Learn. Res. 11:2079 (2010).
    Jamieson, Talwalkar: Non-stochastic best arm identification and hyperparameter optimization.
    AISTATS (2016), arXiv 1502.07943.

    Examples
    --------
    >>> import core
    >>> space = core.SearchSpace(markers=(5, 10), samplers=("none",), classifiers=("lr",), lr_c=())
    >>> task = core.RareTask("bulk_labels", "CD34+")
    >>> config = core.SearchConfig(space=space, strategy="grid", n_splits=3)
    >>> core.search_parameters(core.demo_reference(), task, config).n_settings
    2
    """
    plan = plan_search(dataset, task, config)
    results = []
    for result, place, of in run_search(dataset, plan):
        results.append(result)
        if progress is not None:
            progress(result, place, of)
    return conclude(plan, results)


def iter_search(
    dataset: Dataset, task: RareTask, config: SearchConfig, *, done: Iterable[SettingResult] = ()
) -> Iterator[SettingResult]:
    """Search as :func:`core.search_parameters` does, one result per setting and rung at a time.

    Parameters
    ----------
    dataset, task, config
        As in :func:`core.search_parameters`.
    done : iterable of SettingResult
        Results of the same search that are there already. They are used, and not given back. The
        others are what they are without them, but for the time that they take.

    Yields
    ------
    SettingResult

    Raises
    ------
    ParameterError
        ``E-PARAMETER`` when `done` has a result that this search does not have; else as
        :func:`core.search_parameters`.
    """
    plan = plan_search(dataset, task, config)
    done = list(done)
    there = {result.key for result in done}
    for result, _, _ in run_search(dataset, plan, done=done):
        if result.key not in there:
            yield result


def run_search(
    dataset: Dataset, plan: SearchPlan, *, done: Iterable[SettingResult] = ()
) -> Iterator[tuple[SettingResult, int, int]]:
    """Go through a planned search.

    Yields
    ------
    result : SettingResult
        Those of `done`, too, each when its turn comes.
    place, of : int
        Its place in its rung, from 1, and the number of settings there.

    Raises
    ------
    ParameterError
        ``E-PARAMETER`` when `done` has a result that is not of this plan.
    """
    there = {result.key: result for result in done}
    _refuse_unknown(there.values(), plan)
    evaluator = Evaluator(dataset, plan)
    results: list[SettingResult] = []
    for rung in range(len(plan.shares)):
        field = survivors(plan, results, rung)
        tried = field.tried
        for place, index in enumerate(tried, start=1):
            result = there.get((rung, index)) or replace(
                evaluator.evaluate(index, rung), main=index in field.main
            )
            results.append(result)
            yield result, place, len(tried)


def _refuse_unknown(results: Iterable[SettingResult], plan: SearchPlan) -> None:
    for result in results:
        settings = plan.settings[result.index : result.index + 1]
        is_ours = result.index >= 0 and 0 <= result.rung < len(plan.shares)
        is_ours = is_ours and any(
            (str(s.method), s.varied) == (result.method, result.varied) for s in settings
        )
        if not (is_ours and len(result.inner_score) == plan.n_splits):
            raise ParameterError(
                f"`done` must hold results of this search. Got setting {result.index} "
                f"({result.method}) of rung {result.rung}.",
                code="E-PARAMETER",
                next_step="Give results of the same dataset, task and configuration.",
            )
