"""Two settings of a search against each other: a cell a combination, with its mean and spread over folds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kbin.evaluation.drawing import PALETTE, REFERENCE_COLOR, figure, set_title
from kbin.metric_names import MetricRow
from kbin.report.recorded_search import CombinationResults, ModelSearch
from kbin.report.search_axes import SettingAxis, plot_title
from kbin.report.wording import metric_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# A ramp of one hue that stays light enough for black numbers and outlines: those within one standard error are darkest.
_WORST, _BEST = "#F4F8FB", "#66AEDF"
_INK = "#111111"
_CHOSEN = PALETTE[1]
_LEFT_OUT = "#EEEEEE"
_CELL_WIDTH, _CELL_HEIGHT, _MARGIN, _LEAST_WIDTH, _LEAST_HEIGHT = 0.86, 0.56, 1.5, 5.6, 3.4  # inches
_LETTERS_AN_INCH = 11
MOST_COLUMNS = 14  # with numbers in the cells; beyond, colours alone, and the table has the numbers
_BROAD = 7  # columns


@dataclass(frozen=True)
class SearchHeatmap:
    """A grid of two settings.

    Attributes:
        model_id: The model.
        metric: The score.
        axes: The settings: of the rows, of the columns.
        found: The model's search: each pair of values once, one with a mean at least.
    """

    model_id: str
    metric: MetricRow
    axes: Sequence[SettingAxis]
    found: ModelSearch

    @property
    def is_broad(self) -> bool:
        """Whether it needs the whole width of a page."""
        return len(self.axes[1].values) > _BROAD

    @property
    def shape(self) -> str:
        """What is drawn, in words."""
        down, across = self.axes
        return f"Each cell is a combination of {down.name} (down) and {across.name} (across)"

    def draw(self) -> "Figure":
        """Returns the figure: darker is better, the chosen cell has a star."""
        down, across = self.axes
        num_rows, num_columns = len(down.values), len(across.values)
        height = max(_LEAST_HEIGHT, 1.9 + _CELL_HEIGHT * num_rows)
        drawn, ax = figure(_MARGIN + self._cell_width * num_columns, height)
        for place, one in enumerate(self.found.combinations):
            self._draw_cell(ax, place, one)
        self._label(ax)
        self._add_legend(drawn)
        return drawn

    @property
    def _cell_width(self) -> float:
        """The width of a cell in inches."""
        num_columns = len(self.axes[1].values)
        return max(_LEAST_WIDTH - _MARGIN, _CELL_WIDTH * min(num_columns, MOST_COLUMNS)) / num_columns

    def _label(self, ax: "Axes") -> None:
        down, across = self.axes
        num_rows, num_columns = len(down.values), len(across.values)
        ax.set_xlim(-0.5, num_columns - 0.5)
        ax.set_ylim(num_rows - 0.5, -0.5)
        slanted = max(map(len, across.ticks)) > _LETTERS_AN_INCH * self._cell_width
        ax.set_xticks(
            range(num_columns), across.ticks, rotation=45 if slanted else 0, ha="right" if slanted else "center"
        )
        ax.set_yticks(range(num_rows), down.ticks)
        ax.set_xlabel(across.title)
        ax.set_ylabel(down.title)
        ax.grid(visible=False)
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        small = "small: ± standard deviation over folds; " if num_columns <= MOST_COLUMNS else ""
        set_title(ax, plot_title(self.metric, self.model_id), f"{small}darker is better")

    def _draw_cell(self, ax: "Axes", place: int, one: CombinationResults) -> None:
        from matplotlib.patches import Rectangle

        row, column = self.axes[0].index(one), self.axes[1].index(one)
        shade = self._shade(one.mean)
        is_left_out = shade is None
        look: dict[str, Any] = {"facecolor": _LEFT_OUT if shade is None else _color(shade), "edgecolor": "white"}
        if is_left_out:
            look |= {"hatch": "////", "edgecolor": "#C8C8C8"}
        ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, linewidth=1, **look))
        if place == self.found.chosen or one.within_one_standard_error:
            ax.add_patch(Rectangle((column - 0.44, row - 0.42), 0.88, 0.84, **self._outline(place)))
        if len(self.axes[1].values) <= MOST_COLUMNS:
            self._write(ax, place, (column, row))
        elif place == self.found.chosen:
            ax.text(column, row, "★", ha="center", va="center", color=_CHOSEN)

    def _outline(self, place: int) -> dict[str, Any]:
        if place == self.found.chosen:
            return {"fill": False, "edgecolor": _CHOSEN, "linewidth": 3.2}
        return {"fill": False, "edgecolor": _INK, "linewidth": 1.5, "linestyle": (0, (4, 1.5))}

    def _write(self, ax: "Axes", place: int, where: tuple[int, int]) -> None:
        one = self.found.combinations[place]
        if one.mean is None:
            ax.text(*where, "left out", ha="center", va="center", color=REFERENCE_COLOR, fontsize=8)
            return
        star = "★ " if place == self.found.chosen else ""
        best = "best " if place == self.found.best != self.found.chosen else ""
        column, row = where
        alike: dict[str, Any] = {"ha": "center", "color": _INK}
        spread = one.standard_deviation
        at = row if spread is None and not best else row + 0.05
        ax.text(column, at, star + metric_text(self.metric.name, one.mean), va="bottom", fontsize=10, **alike)
        small = "" if spread is None else f"±{metric_text(self.metric.name, spread)}"
        ax.text(column, row + 0.1, (best + small).strip(), va="top", fontsize=7.5, **alike)

    def _shade(self, mean: float | None) -> float | None:
        """Returns how good a mean is among all, 0 to 1."""
        if mean is None:
            return None
        means = [one.mean for one in self.found.combinations if one.mean is not None]
        low, high = min(means), max(means)
        share = (mean - low) / (high - low) if high > low else 0.5
        return share if self.metric.higher_is_better else 1 - share

    def _add_legend(self, drawn: "Figure") -> None:
        from matplotlib.patches import Patch

        places = [place for place, one in enumerate(self.found.combinations) if one.within_one_standard_error]
        others = [place for place in places if place != self.found.chosen]
        handles = [] if self.found.chosen is None else [Patch(label="★ chosen", **self._outline(self.found.chosen))]
        if others:
            handles.append(Patch(label="within one standard error of the best", **self._outline(others[0])))
        drawn.legend(handles=handles, loc="outside lower left", fontsize=9, frameon=False, ncols=2)


def _color(shade: float) -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("kbin", [_WORST, _BEST])(shade)
