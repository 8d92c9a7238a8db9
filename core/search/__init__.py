"""Search for good parameters, with an honest estimate of what the best ones reach."""

from core.search.conclude import conclude
from core.search.estimate import Estimate, estimate
from core.search.plan import SearchPlan, plan_search
from core.search.procedure import iter_search, run_search, search_parameters
from core.search.result import NestedFold, NestedScore, SearchResult, SettingResult
from core.search.settings import Setting, count_settings, list_settings
from core.search.space import MAX_SETTINGS, OBJECTIVES, STRATEGIES, SearchConfig, SearchSpace

__all__ = [
    "MAX_SETTINGS",
    "OBJECTIVES",
    "STRATEGIES",
    "Estimate",
    "NestedFold",
    "NestedScore",
    "SearchConfig",
    "SearchPlan",
    "SearchResult",
    "SearchSpace",
    "Setting",
    "SettingResult",
    "conclude",
    "count_settings",
    "estimate",
    "iter_search",
    "list_settings",
    "plan_search",
    "run_search",
    "search_parameters",
]
