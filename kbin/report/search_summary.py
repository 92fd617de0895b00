"""What the searches of a run found, as lines for a terminal."""

from kbin.report.recorded import ModelResults, RunResults
from kbin.report.recorded_search import CombinationResults, ModelSearch, SearchResults, sorted_best_first
from kbin.report.search_words import (
    CAUTION,
    caution,
    found_sentences,
    left_out_sentences,
    plan_sentences,
    within_sentences,
)
from kbin.report.terminal import wrapped
from kbin.report.wording import count_text, metric_text, title_in_text
from kbin.search.combinations import settings_text

_SHOWN = 5  # combinations of each model
_INDENT = 2
_MOST_SHOWN = 20  # where more are within one standard error of the best
_CHOSEN, _WITHIN = "*", "~"


def search_lines(results: RunResults) -> list[str]:
    """Returns what was compared, the best combinations of each model, and what calls them into question.

    Args:
        results: The run.

    Returns:
        Lines of at most 80 columns; none where nothing was searched.
    """
    search = results.search
    if search is None or not results.searched:
        return []
    lines = ["", *wrapped(f"search: {plan_sentences(results, search)[0]}", hanging=_INDENT)]
    for warning in search.warnings:
        lines += wrapped(f"WARNING: {warning}", hanging=_INDENT)
    for model, found in results.searched:
        lines += ["", *_model_lines(search, model, found)]
    warned = caution(results, search)
    return [*lines, "", *wrapped(f"{CAUTION} {warned}")] if warned else lines


def _model_lines(search: SearchResults, model: ModelResults, found: ModelSearch) -> list[str]:
    if found.chosen is None:
        return wrapped(f"{model.id}: {' '.join(found_sentences(search, found))}", hanging=_INDENT)
    heading = f"{model.id}: mean {title_in_text(search.score)} ± standard deviation over the folds"
    lines = wrapped(heading, hanging=_INDENT)
    order = [place for place in sorted_best_first(found, search.metric) if found.combinations[place].mean is not None]
    shown = order[: max(_SHOWN, min(found.num_within, _MOST_SHOWN))]
    for place in shown if found.chosen in shown else [*shown, found.chosen]:
        one = found.combinations[place]
        mark = _CHOSEN if place == found.chosen else _WITHIN if one.within_one_standard_error else " "
        lines += _row(search, one, mark)
    if len(found.combinations) == 1:
        return lines
    rest = len(found.combinations) - len(shown)
    more = f" All {count_text(len(found.combinations), 'combination')} are in report.html." if rest else ""
    within = f"{_WITHIN} within one standard error of the best. " if found.num_within > 1 else ""
    below = (
        f"{_CHOSEN} chosen. {within}{' '.join([*within_sentences(search, found), *left_out_sentences(found)])}{more}"
    )
    return lines + wrapped(below, indent=_INDENT, hanging=_INDENT)


def _row(search: SearchResults, one: CombinationResults, mark: str) -> list[str]:
    """Returns mean, spread and settings; settings that need more room go on below themselves."""
    spread = "" if one.standard_deviation is None else f"±{metric_text(search.score, one.standard_deviation)}"
    start = f"{' ' * _INDENT}{mark} {metric_text(search.score, one.mean)}{spread}  "
    first, *rest = wrapped(settings_text(one.settings), indent=len(start), hanging=len(start))
    return [start + first[len(start) :], *rest]
