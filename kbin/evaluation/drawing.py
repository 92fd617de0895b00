"""The look of kbin's plots: figures without pyplot, colours that all can tell apart, text shown as written."""

from collections.abc import Iterable
from functools import lru_cache
from math import ceil
from textwrap import wrap
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito 2008, "Color Universal Design", without its yellow, which is hard to see on white; the darker
# ones come first.
PALETTE: tuple[str, ...] = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
_LINE_STYLES: tuple[str, ...] = ("-", "--", "-.", ":")
REFERENCE_COLOR = "#767676"
_TEXT_COLOR = "#222222"
_GRID_COLOR = "#E3E3E3"


class LineStyle(TypedDict):
    """The keyword arguments of a line that tell one model from the others."""

    color: str
    linestyle: str


def line_styles(labels: Iterable[str]) -> dict[str, LineStyle]:
    """Returns a colour and a line style for each label, by the order of first appearance.

    The same models in the same order look the same in every plot; 28 combinations differ.
    """
    return {
        label: {"color": PALETTE[i % len(PALETTE)], "linestyle": _LINE_STYLES[i % len(_LINE_STYLES)]}
        for i, label in enumerate(dict.fromkeys(labels))
    }


def figure(width: float = 6.0, height: float = 5.0) -> "tuple[Figure, Axes]":
    """Returns an empty figure with one set of axes in kbin's look.

    Args:
        width: Width in inches.
        height: Height in inches.
    """
    drawn, axes = panels(1, width, height)
    return drawn, axes[0]


def panels(
    num_panels: int, width: float = 4.2, height: float = 3.4, max_columns: int = 3
) -> "tuple[Figure, list[Axes]]":
    """Returns a figure with several axes in rows, in kbin's look.

    Args:
        num_panels: Number of axes, at least 1.
        width: Width of one panel in inches.
        height: Height of one panel in inches.
        max_columns: Most panels side by side.
    """
    # Matplotlib takes 0.3 s to import, and tables need none of it.
    from kbin.evaluation.shown_figure import ShownFigure

    rows = ceil(num_panels / max_columns)
    # Four panels stand better as two and two than as three and one.
    columns = ceil(num_panels / rows)
    drawn = ShownFigure(figsize=(width * columns, height * rows), dpi=150, layout="constrained", facecolor="white")
    axes = [drawn.add_subplot(rows, columns, index + 1) for index in range(num_panels)]
    for ax in axes:
        _apply_look(ax)
    return drawn, axes


def set_title(ax: "Axes", title: str, subtitle: str = "") -> None:
    """Writes a title and, below it and lighter, what one must know to read the plot, in one line or several."""
    lines = [plain(line) for line in subtitle.split("\n")] if subtitle else []
    # y is given because matplotlib would else measure every tick label to find a free place, in every drawing.
    ax.set_title(plain(title), loc="left", y=1.0, fontsize=11, fontweight="bold", pad=8 + 12 * len(lines))
    if lines:
        ax.annotate(
            "\n".join(lines),
            xy=(0, 1),
            xytext=(0, 6),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=9,
            color=REFERENCE_COLOR,
        )


def write_reason(ax: "Axes", reason: str) -> None:
    """Writes into empty axes why there is nothing to draw."""
    ax.set_xticks([])
    ax.set_yticks([])
    ax.text(
        0.5,
        0.5,
        # Matplotlib's own wrapping knows the figure's edges, not those of the axes.
        "\n".join(plain(line) for line in wrap(reason, 40)),
        transform=ax.transAxes,
        ha="center",
        va="center",
        color=_TEXT_COLOR,
    )


def shortened(name: str, longest: int = 40) -> str:
    """Returns a name that fits into a legend: a longer one ends in an ellipsis.

    Args:
        name: Any text.
        longest: Number of characters, at least 1.
    """
    return name if len(name) <= longest else name[: longest - 1] + "…"


def plain(text: str) -> str:
    r"""Returns text that matplotlib draws as written: no formulas, no glyphs that the font lacks.

    People's class names hold dollars (which start a formula), emoji (which warn and draw nothing) and line
    breaks. Give it the text once: what it returns is matplotlib's markup.

    Args:
        text: Any text.
    """
    glyphs = _known_glyphs()
    flat = " ".join(text.split())
    return "".join(letter if ord(letter) in glyphs else "□" for letter in flat).replace("$", r"\$")


@lru_cache(maxsize=1)
def _known_glyphs() -> frozenset[int]:
    """Returns the code points of the font in force, which a matplotlibrc may have chosen."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return frozenset(get_font(findfont(FontProperties())).get_charmap())


def _apply_look(ax: "Axes") -> None:
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(REFERENCE_COLOR)
    ax.grid(visible=True, color=_GRID_COLOR, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(labelsize=9, color=REFERENCE_COLOR, labelcolor=_TEXT_COLOR)
    ax.xaxis.label.set_color(_TEXT_COLOR)
    ax.yaxis.label.set_color(_TEXT_COLOR)
