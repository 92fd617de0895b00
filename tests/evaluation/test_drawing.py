import io
import subprocess
import sys

import pytest

from kbin.evaluation.drawing import PALETTE, figure, line_styles, panels, plain, set_title, shortened, write_reason


def test_models_keep_their_style_whatever_is_drawn():
    assert line_styles(["a", "b", "a"]) == line_styles(["a", "b"])
    assert line_styles(["a", "b"])["a"] == {"color": PALETTE[0], "linestyle": "-"}


def test_28_models_can_be_told_apart():
    styles = line_styles(str(k) for k in range(28)).values()
    assert len({(style["color"], style["linestyle"]) for style in styles}) == 28


def test_a_figure_has_the_size_in_inches():
    drawn, ax = figure(4.0, 3.0)
    assert drawn.get_size_inches().tolist() == [4.0, 3.0]
    assert drawn.axes == [ax]


@pytest.mark.parametrize(("num_panels", "size"), [(1, [2, 1]), (3, [6, 1]), (4, [4, 2]), (7, [6, 3])])
def test_panels_stand_in_balanced_rows(num_panels, size):
    drawn, axes = panels(num_panels, 2.0, 1.0)
    assert len(axes) == num_panels
    assert drawn.get_size_inches().tolist() == size


@pytest.mark.parametrize(
    ("text", "drawn"),
    [("cost $5 to $6", r"cost \$5 to \$6"), ("a\nb", "a b"), ("cat 🐈", "cat □"), ("défaut", "défaut")],
)
def test_text_is_drawn_as_written(text, drawn):
    assert plain(text) == drawn


def test_long_names_end_in_an_ellipsis():
    assert shortened("efficientnet", 6) == "effic…"
    assert shortened("resnet", 6) == "resnet"


def test_formulas_in_titles_and_reasons_are_only_text():
    _, ax = figure()
    set_title(ax, r"$\frac{", r"positive: $x^2$ and $")
    write_reason(ax, r"no $\undefined$ here")
    ax.figure.savefig(io.BytesIO())


def test_drawing_changes_no_global_setting_and_needs_no_pyplot():
    code = (
        "import sys, matplotlib; before = matplotlib.rcParams.copy()\n"
        "from kbin.evaluation.roc import RocCurve\n"
        "RocCurve.from_scores([0, 1], [.2, .8], 'm').plot()\n"
        "print(before == matplotlib.rcParams.copy(), 'matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
