"""What the page says of a search, as rows and pictures before any markup."""

from collections.abc import Sequence
from dataclasses import dataclass

from kbin.report.pictures import Picture, embedded
from kbin.report.recorded import ModelResults, RunResults
from kbin.report.recorded_search import ModelSearch, SearchResults, sorted_best_first
from kbin.report.search_figures import SearchPlot, search_file, search_plot
from kbin.report.search_words import CAUTION, caution, found_sentences, plan_sentences
from kbin.report.wording import duration_text, metric_text, title_in_text
from kbin.runs import RunDirectory
from kbin.search.combinations import settings_text, short_key, value_text

_MOST_ROWS = 20  # in the open; the others unfold


@dataclass(frozen=True)
class CombinationRow:
    """One combination; where it has no mean, `error` says why.

    `folds` is the number of scores, with that of the folds where some have none.
    """

    rank: int
    values: tuple[str, ...]
    mean: str
    spread: str
    folds: str
    is_within: bool
    is_chosen: bool
    is_best: bool
    error: str


@dataclass(frozen=True)
class FoldRow:
    """The scores of the folds of one repeat."""

    title: str
    scores: tuple[str, ...]


@dataclass(frozen=True)
class ModelSearchSection:
    """The search of one model.

    Attributes:
        anchor: Where links lead.
        model_id: The model.
        sentences: What was found.
        rows: The best combinations.
        more: The others, those that were left out last.
        folds: The scores of the chosen combination, a row a repeat.
        picture: None where nothing varies or nothing has a mean.
        is_broad: Whether the picture needs the whole width.
    """

    anchor: str
    model_id: str
    sentences: tuple[str, ...]
    rows: tuple[CombinationRow, ...]
    more: tuple[CombinationRow, ...]
    folds: tuple[FoldRow, ...]
    picture: Picture | None
    is_broad: bool


@dataclass(frozen=True)
class SearchSection:
    """The searches of a run; `columns` are the settings' names and, for the curious, their keys."""

    search: SearchResults
    score: str
    sentences: tuple[str, ...]
    headline: str
    caution: str
    columns: tuple[tuple[str, str], ...]
    models: tuple[ModelSearchSection, ...]


def search_section(run: RunDirectory, results: RunResults) -> SearchSection | None:
    """Returns what the page says of the search; None where there was none.

    Raises:
        RunFolderError: A plot is missing.
    """
    search = results.search
    if search is None or not results.searched:
        return None
    models = [
        _of_model(run, results, search, (model, found), f"search-{number}")
        for number, (model, found) in enumerate(results.searched, start=1)
    ]
    return SearchSection(
        search,
        title_in_text(search.score),
        tuple(plan_sentences(results, search)),
        CAUTION,
        caution(results, search),
        tuple((short_key(key), key) for key in search.keys),
        tuple(models),
    )


def chosen_settings(model: ModelResults) -> str:
    """Returns the settings that a search chose for a model, "" where none did or there was nothing to choose."""
    chosen = None if model.search is None else model.search.chosen_combination
    return "" if chosen is None or not chosen.settings else settings_text(chosen.settings)


def _of_model(
    run: RunDirectory,
    results: RunResults,
    search: SearchResults,
    searched: tuple[ModelResults, ModelSearch],
    anchor: str,
) -> ModelSearchSection:
    model, found = searched
    rows = _rows(search, found)
    plot = search_plot(results, model, found)
    picture = None
    if plot is not None:
        path = run.plot_path(search_file(model))
        picture = embedded(path, alternative_text(search, found, plot), f"{plot.shape}.")
    return ModelSearchSection(
        anchor,
        model.id,
        (*found_sentences(search, found), f"The search took {duration_text(found.seconds)}."),
        tuple(rows[:_MOST_ROWS]),
        tuple(rows[_MOST_ROWS:]),
        tuple(_folds(search, found)),
        picture,
        plot is not None and plot.is_broad,
    )


def _rows(search: SearchResults, found: ModelSearch) -> list[CombinationRow]:
    rows = []
    for rank, place in enumerate(sorted_best_first(found, search.metric), start=1):
        one = found.combinations[place]
        number = str(one.num_scores)
        reason = "; ".join(one.errors) or "the score is undefined in every fold"
        rows.append(
            CombinationRow(
                rank,
                tuple(value_text(one.settings[key]) for key in search.keys),
                metric_text(search.score, one.mean),
                metric_text(search.score, one.standard_deviation),
                number if one.num_scores == search.num_scores else f"{number} of {search.num_scores}",
                one.within_one_standard_error,
                place == found.chosen,
                place == found.best,
                reason if one.mean is None else "",
            )
        )
    return rows


def _folds(search: SearchResults, found: ModelSearch) -> list[FoldRow]:
    """Returns the scores of the chosen combination."""
    chosen = found.chosen_combination
    if chosen is None:
        return []
    texts = [metric_text(search.score, score) for score in chosen.scores]
    title = search.metric.title
    return [
        FoldRow(f"Repeat {repeat + 1}" if search.repeats > 1 else title, _part(texts, repeat, search.folds))
        for repeat in range(search.repeats)
    ]


def _part(texts: Sequence[str], number: int, size: int) -> tuple[str, ...]:
    return tuple(texts[number * size : (number + 1) * size])


def alternative_text(search: SearchResults, found: ModelSearch, plot: SearchPlot) -> str:
    """Returns what a plot shows, with the numbers at both ends; the table has the others."""
    score = title_in_text(search.score)
    order = [place for place in sorted_best_first(found, search.metric) if found.combinations[place].mean is not None]
    ends = [
        f"{words} {metric_text(search.score, found.combinations[place].mean)} "
        f"({settings_text(found.combinations[place].settings)})"
        for words, place in (("best", order[0]), ("worst", order[-1]))
    ]
    return (
        f"{plot.shape}. Mean {score} of {plot.model_id}: {', '.join(ends)}. {' '.join(found_sentences(search, found))}"
    )
