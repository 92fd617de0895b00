"""The settings of a search one by one: the score against a setting's values, one dot a combination."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kbin.evaluation.drawing import PALETTE, REFERENCE_COLOR, panels, plain, set_title
from kbin.metric_names import MetricRow
from kbin.report.recorded_search import CombinationResults, ModelSearch
from kbin.report.search_axes import SettingAxis, plot_title
from kbin.report.wording import count_text, title_in_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOR, _CHOSEN = PALETTE[0], PALETTE[1]
_WIDTH, _HEIGHT, _ALONE_WIDTH = 3.9, 3.3, 6.2  # inches


@dataclass(frozen=True)
class SearchDots:
    """The mean score against each setting that varies; where one does, with the folds and the standard error.

    Attributes:
        model_id: The model.
        metric: The score.
        axes: The settings that vary, one at least.
        found: The model's search, with one mean at least.
    """

    model_id: str
    metric: MetricRow
    axes: Sequence[SettingAxis]
    found: ModelSearch

    @property
    def is_broad(self) -> bool:
        """Whether it needs the whole width of a page."""
        return len(self.axes) > 1

    @property
    def shape(self) -> str:
        """What is drawn, in words."""
        if len(self.axes) > 1:
            return "A panel a setting, a dot a combination: the other settings differ between the dots of a panel"
        return f"The mean over folds against {self.axes[0].name}; bars are ± one standard error, grey dots the folds"

    def draw(self) -> "Figure":
        """Returns the figure, with the chosen combination as a star."""
        alone = len(self.axes) == 1
        drawn, panes = panels(len(self.axes), _ALONE_WIDTH if alone else _WIDTH, _HEIGHT + 0.5 * alone)
        for ax, axis in zip(panes, self.axes, strict=True):
            axis.apply(ax)
            if alone:
                self._draw_folds(ax, axis)
            self._draw_means(ax, axis)
            if not alone:
                ax.sharey(panes[0])
            spec = ax.get_subplotspec()
            if spec is None or spec.is_first_col():
                ax.set_ylabel(f"Mean {title_in_text(self.metric.name)}")
        self._add_title(drawn, panes[0])
        drawn.legend(
            *panes[0].get_legend_handles_labels(), loc="outside lower left", fontsize=9, frameon=False, ncols=2
        )
        return drawn

    def _add_title(self, drawn: "Figure", first: "Axes") -> None:
        title = plot_title(self.metric, self.model_id)
        direction = "" if self.metric.higher_is_better else "lower is better"
        left_out = len(self.found.combinations) - self.found.num_compared
        missing = f"{count_text(left_out, 'combination')} left out" if left_out else ""
        subtitle = "; ".join(part for part in (direction, missing) if part)
        if len(self.axes) == 1:
            set_title(first, title, subtitle)
        else:
            headline = f"{title} ({subtitle})" if subtitle else title
            drawn.suptitle(plain(headline), x=0.01, ha="left", fontsize=11, fontweight="bold")

    def _draw_folds(self, ax: "Axes", axis: SettingAxis) -> None:
        compared = [one for one in self.found.combinations if one.mean is not None]
        points = [(axis.place(one), score) for one in compared for score in one.scores if score is not None]
        across, up = zip(*points, strict=True)
        ax.scatter(across, up, s=9, color=REFERENCE_COLOR, alpha=0.45, linewidths=0, label="one fold")
        means = sorted((axis.place(one), one.mean, one.standard_error or 0.0) for one in compared)
        places, heights, errors = zip(*means, strict=True)
        # Between names there is nothing that a line could stand for.
        line = "" if axis.scale == "even" else "-"
        ax.errorbar(
            places,
            heights,
            yerr=errors,
            color=_COLOR,
            linestyle=line,
            linewidth=1.2,
            capsize=4,
            label="± one standard error",
        )

    def _draw_means(self, ax: "Axes", axis: SettingAxis) -> None:
        compared = [(place, one) for place, one in enumerate(self.found.combinations) if one.mean is not None]
        chosen = [one for place, one in compared if place == self.found.chosen]
        others = [one for place, one in compared if place != self.found.chosen]
        within = [one for one in others if one.within_one_standard_error]
        worse = [one for one in others if not one.within_one_standard_error]
        _scatter(ax, axis, chosen, "chosen", marker="*", s=150, color=_CHOSEN, edgecolors="#111111", zorder=4)
        _scatter(ax, axis, within, "within one standard error of the best", s=34, color=_COLOR, zorder=3)
        # Hollow: told apart without colour.
        _scatter(
            ax,
            axis,
            worse,
            "more than one standard error worse",
            s=34,
            facecolors="white",
            edgecolors=_COLOR,
            zorder=2.5,
        )


def _scatter(ax: "Axes", axis: SettingAxis, ones: Sequence[CombinationResults], label: str, **look: Any) -> None:
    if ones:
        ax.scatter([axis.place(one) for one in ones], [one.mean or 0.0 for one in ones], label=label, **look)
