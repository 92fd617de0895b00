"""The plots of a run as figures, drawn from its folder when they are asked for."""

from typing import TYPE_CHECKING

from kbin.deploy.opened_run import OpenedRun
from kbin.errors import DataError
from kbin.report.plots import CURVE_KINDS, figures_of_trained, models_on_set
from kbin.report.scores import read_scores
from kbin.report.search_figures import search_file, search_plots
from kbin.report.set_figures import calibration_figure, cost_figure, depth_figure, prevalence_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class RunPlots(OpenedRun):
    """Figures of matplotlib, which a notebook shows and `savefig` keeps.

    Each raises a DataError for a set, model or seed that the run has not, and where there is nothing to draw.
    """

    def plot_roc(self, set_name: str | None = None) -> "Figure":
        """Draws the ROC curves of all models on one set; by default the test set."""
        return self._curves("roc", set_name)

    def plot_precision_recall(self, set_name: str | None = None) -> "Figure":
        """Draws the precision-recall curves of all models on one set; by default the test set."""
        return self._curves("precision_recall", set_name)

    def plot_calibration(self, set_name: str | None = None) -> "Figure":
        """Draws how often the probabilities of all models come true on one set; by default the test set."""
        name = self._set_name(set_name)
        return _drawn(calibration_figure(self.results, name), f"no calibration is recorded of '{name}'")

    def plot_prevalence(self, set_name: str | None = None) -> "Figure":
        """Draws precision, accuracy and F1 at other shares of positives; by default of the test set."""
        name = self._set_name(set_name)
        return _drawn(prevalence_figure(self.results, name), f"'{name}' has no two classes to change the shares of")

    def plot_depth(self, set_name: str | None = None) -> "Figure":
        """Draws the metrics over the number of trained blocks; by default of the test set."""
        name = self._set_name(set_name)
        return _drawn(depth_figure(self.results, name), "no backbone was trained at several depths")

    def plot_cost(self, set_name: str | None = None) -> "Figure":
        """Draws what the models cost in time and parameters against what they achieve; by default on the test set."""
        return _drawn(cost_figure(self.results, self._set_name(set_name)), "the costs are not recorded")

    def plot_history(self, model: str | None = None, seed: int | None = None) -> "Figure":
        """Draws the learning curves of one trained model; by default the only model, its first seed."""
        return self._of_trained("learning_curves", model, seed)

    def plot_confusion(self, model: str | None = None, seed: int | None = None) -> "Figure":
        """Draws the confusion of one trained model, a panel a set; by default the only model, its first seed."""
        return self._of_trained("confusion", model, seed)

    def plot_search(self, model: str | None = None) -> "Figure":
        """Draws the scores of the settings that were tried for a model; by default the only one."""
        chosen = self._chosen(model)
        plot = search_plots(self.results).get(search_file(chosen))
        return _drawn(None if plot is None else plot.draw(), f"nothing was searched for {chosen.id}")

    def _curves(self, kind_name: str, set_name: str | None) -> "Figure":
        name = self._set_name(set_name)
        kind = next(one for one in CURVE_KINDS if one.name == kind_name)
        scores = [read_scores(self._run, self.results, model, seed, name) for model, seed in self._trained()]
        return models_on_set(kind, name, scores, self.results)

    def _of_trained(self, name: str, model: str | None, seed: int | None) -> "Figure":
        chosen = self._chosen(model)
        index = chosen.seeds.index(self._seed(chosen, seed))
        number = chosen.seeds[index]
        scores = {one: read_scores(self._run, self.results, chosen, number, one) for one in self.results.sets}
        drawn = figures_of_trained(self._run, chosen, index, scores, self.results)
        return _drawn(drawn.get(name), "there are too many classes to draw")


def _drawn(figure: "Figure | None", reason: str) -> "Figure":
    if figure is None:
        raise DataError(f"there is nothing to draw: {reason}.")
    return figure
