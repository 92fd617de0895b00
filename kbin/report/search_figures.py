"""Which plot shows a search: a heatmap of two settings, a curve of one, or a panel for each of more."""

from kbin.report.recorded import ModelResults, RunResults
from kbin.report.recorded_search import ModelSearch
from kbin.report.search_axes import is_grid, varied
from kbin.report.search_dots import SearchDots
from kbin.report.search_heatmap import MOST_COLUMNS, SearchHeatmap

SearchPlot = SearchHeatmap | SearchDots


def search_plot(results: RunResults, model: ModelResults, found: ModelSearch) -> SearchPlot | None:
    """Returns the plot of a model's search; None where nothing varies or no combination has a mean.

    Args:
        results: The run.
        model: One of its models.
        found: The model's search.
    """
    if results.search is None or found.best is None:
        return None
    axes = varied(results.search.keys, found.combinations)
    if not axes:
        return None
    metric = results.search.metric
    if not is_grid(axes, found.combinations):
        return SearchDots(model.id, metric, axes, found)
    down, across = axes
    if len(across.values) > max(MOST_COLUMNS, len(down.values)):
        down, across = across, down  # a page has more room below than beside
    return SearchHeatmap(model.id, metric, (down, across), found)


def search_plots(results: RunResults) -> dict[str, SearchPlot]:
    """Returns the plots of all models that have one, by the names of their files."""
    plots = {search_file(model): search_plot(results, model, found) for model, found in results.searched}
    return {name: plot for name, plot in plots.items() if plot is not None}


def search_file(model: ModelResults) -> str:
    """Returns the name of the plot of a model's search."""
    return f"search-{model.id}"
