import pytest

from kbin.files import save_figure
from kbin.report.recorded import read_results
from kbin.report.search_dots import SearchDots
from kbin.report.search_figures import search_plot, search_plots
from kbin.report.search_heatmap import SearchHeatmap
from tests.report.searched_runs import (
    EPOCHS,
    RATE,
    UNITS,
    Searched,
    Tried,
    around,
    drawn_settings,
    grid,
    one_setting,
)
from tests.report.synthetic_runs import SyntheticRun

RUN = SyntheticRun(models={"only": 1.0}, seeds=(0,))


def _plot(searched, run=RUN):
    results = read_results(searched.into(run.results()))
    return search_plot(results, *results.searched[0])


def _texts(ax):
    return [text.get_text() for text in ax.texts]


def _legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def _ticks(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def test_a_grid_of_two_settings_is_a_heatmap_with_mean_and_deviation_in_each_cell():
    plot = _plot(grid())
    figure = plot.draw()
    ax = figure.axes[0]

    assert isinstance(plot, SearchHeatmap)
    assert not plot.is_broad
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("learning_rate", "epochs")
    assert _ticks(ax.yaxis) == ["0.0001", "0.001", "0.01", "0.1"]
    assert _ticks(ax.xaxis) == ["3", "5", "7", "9"]
    # Deviation of -2, -1, 0, 1, 2 steps of 0.004: sqrt(10 / 4) * 0.004 = 0.0063.
    assert [text for text in _texts(ax) if text.startswith("±")] == ["±0.006"] * 16
    assert [text for text in _texts(ax) if not text.startswith(("±", "small"))][:4] == [
        "0.798",
        "0.871",
        "0.912",
        "0.931",
    ]
    assert "★ 0.980" in _texts(ax)


def test_outlines_mark_the_chosen_cell_and_those_within_one_standard_error():
    figure = _plot(grid()).draw()
    outlined = [patch for patch in figure.axes[0].patches if not patch.get_fill()]
    # One step of 0.004 * sqrt(10 / 4) / sqrt(5) = 0.0028 below 0.980: only 0.978 is left.
    assert [(round(patch.get_x() + 0.44), round(patch.get_y() + 0.42)) for patch in outlined] == [(3, 1), (3, 2)]
    assert outlined[0].get_linewidth() > outlined[1].get_linewidth()
    assert _legend(figure) == ["★ chosen", "within one standard error of the best"]


def test_better_is_darker_also_where_lower_is_better():
    def lightness(figure, cell):
        return sum(figure.axes[0].patches[cell].get_facecolor()[:3])

    higher, lower = _plot(two_by_two("accuracy")).draw(), _plot(two_by_two("log_loss")).draw()
    filled = [place for place, patch in enumerate(higher.axes[0].patches) if patch.get_fill()]

    assert lightness(higher, filled[0]) > lightness(higher, filled[-1])
    first, *_, last = [place for place, patch in enumerate(lower.axes[0].patches) if patch.get_fill()]
    assert lightness(lower, first) < lightness(lower, last)


def two_by_two(score):
    pairs = [(rate, epochs) for rate in (1, 2) for epochs in (1, 2)]
    tried = [Tried({RATE: rate, EPOCHS: epochs}, around(rate / 5 + epochs / 10)) for rate, epochs in pairs]
    return Searched(tried, score=score, lower_is_better=score == "log_loss")


def test_a_combination_that_failed_is_left_out_of_the_heatmap_by_name():
    tried = list(grid().tried)
    tried[0] = Tried(tried[0].settings, [None] * 5, ["RuntimeError: no"])
    ax = _plot(Searched(tried)).draw().axes[0]

    assert _texts(ax).count("left out") == 1


def test_another_choice_than_the_best_is_marked_apart_from_it():
    texts = _texts(_plot(grid(chosen=11, select="one_standard_error")).draw().axes[0])

    assert "★ 0.978" in texts
    assert "best ±0.006" in texts


def test_a_large_grid_is_broad_and_the_longer_setting_goes_down():
    large = Searched([Tried({RATE: 10.0**-r, EPOCHS: e}, around(0.5)) for r in (1, 2, 3) for e in range(20)])
    plot = _plot(large)

    assert [axis.name for axis in plot.axes] == ["epochs", "learning_rate"]
    eight_by_ten = Searched([Tried({RATE: r + 1, EPOCHS: e}, around(0.5)) for r in range(8) for e in range(10)])
    assert _plot(eight_by_ten).is_broad
    assert len([text for text in _texts(_plot(eight_by_ten).draw().axes[0]) if text.startswith("±")]) == 80


def test_one_setting_is_a_curve_with_standard_errors_on_a_logarithmic_axis_for_rates():
    plot = _plot(one_setting())
    figure = plot.draw()
    ax = figure.axes[0]

    assert isinstance(plot, SearchDots)
    assert ax.get_xscale() == "log"
    assert _ticks(ax.xaxis) == ["0.0001", "0.001", "0.01"]
    low, high = ax.collections[1].get_segments()[0][:, 1]
    assert (high - low) / 2 == pytest.approx(0.004 * (10 / 4) ** 0.5 / 5**0.5)
    assert _legend(figure) == [
        "one fold",
        "chosen",
        "within one standard error of the best",
        "more than one standard error worse",
        "± one standard error",
    ]


def test_epochs_are_drawn_on_a_linear_axis():
    searched = Searched([Tried({EPOCHS: epochs}, around(0.9)) for epochs in (9, 3, 5)])
    ax = _plot(searched).draw().axes[0]

    assert ax.get_xscale() == "linear"
    assert _ticks(ax.xaxis) == ["3", "5", "9"]


def test_rates_with_a_zero_stand_side_by_side():
    searched = Searched([Tried({"training.weight_decay": value}, around(0.9)) for value in (1e-2, 0.0, 1e-4)])
    ax = _plot(searched).draw().axes[0]

    assert _ticks(ax.xaxis) == ["0", "0.0001", "0.01"]
    assert list(ax.get_xticks()) == [0, 1, 2]


def test_more_settings_have_a_panel_each_with_a_dot_a_combination():
    plot = _plot(drawn_settings(12))
    figure = plot.draw()

    assert plot.is_broad
    assert [ax.get_xlabel() for ax in figure.axes] == ["learning_rate", "hidden_units", "class_weight"]
    assert _ticks(figure.axes[1].xaxis) == ["none", "256", "512+128"]
    assert _ticks(figure.axes[2].xaxis) == ["none", "balanced"]
    for ax in figure.axes:
        assert sum(len(one.get_offsets()) for one in ax.collections) == 12


def test_two_drawn_settings_that_are_no_grid_have_panels():
    tried = [Tried({RATE: 10.0**-n, UNITS: [n]}, around(0.9)) for n in (1, 2, 3)]

    assert isinstance(_plot(Searched(tried)), SearchDots)


def test_a_setting_with_one_value_is_no_axis():
    tried = [Tried({RATE: 1e-3, EPOCHS: epochs}, around(0.9)) for epochs in (3, 5)]

    assert [axis.name for axis in _plot(Searched(tried)).axes] == ["epochs"]


@pytest.mark.parametrize(
    "searched",
    [
        Searched([Tried({}, around(0.9))]),
        Searched([Tried({RATE: rate}, [None] * 5, ["RuntimeError: no"]) for rate in (1e-3, 1e-2)]),
    ],
    ids=["one combination", "all failed"],
)
def test_there_is_no_plot_where_there_is_nothing_to_compare(searched):
    assert _plot(searched) is None


def test_hostile_names_are_drawn_without_a_warning_and_saved(tmp_path):
    values = ("<script>alert(1)</script>" * 9, "$x_1$ 😀")
    searched = Searched(
        [Tried({"head.$k$": a, "training.<b>" * 9: b}, around(0.9)) for a in values for b in values], folds=5
    )
    results = read_results(searched.into(SyntheticRun(models={"A" + "b" * 90: 1.0}).results()))
    (name, plot), *_ = search_plots(results).items()
    save_figure(plot.draw(), tmp_path / f"{name}.png")

    assert name == "search-A" + "b" * 90
    assert (tmp_path / f"{name}.svg").is_file()


def test_a_combination_scored_in_one_fold_only_has_no_bar():
    searched = Searched([Tried({EPOCHS: n}, [0.9, None, None, None, None]) for n in (1, 2)])

    _plot(searched).draw().draw_without_rendering()
