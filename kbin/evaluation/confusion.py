"""The confusion matrix as a picture: counts, with the share of each true class."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kbin.errors import DataError
from kbin.evaluation.drawing import figure, plain, set_title, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# White to Okabe and Ito's blue: dark enough for white text from half way on.
_DARKEST = "#0072B2"
_DARK_SHARE = 0.55


@dataclass(frozen=True)
class ConfusionMatrix:
    """Numbers of images by true and predicted class.

    Attributes:
        counts: shape (num_classes, num_classes), rows true, columns predicted; means over seeds need not be
            whole.
        classes: Class names in row order.
        positive: The positive class; None for more than two classes.
    """

    counts: Sequence[Sequence[float]]
    classes: Sequence[str]
    positive: str | None = None

    def __post_init__(self) -> None:
        size = len(self.classes)
        if len(self.counts) != size or any(len(row) != size for row in self.counts):
            raise DataError(f"{size} classes need a {size} x {size} confusion matrix, got {self.counts}.")

    def row_shares(self) -> list[list[float | None]]:
        """Returns each count as a share of its true class, 0 to 1; None where the class has no image."""
        return [[count / sum(row) if sum(row) else None for count in row] for row in self.counts]

    def plot(self, ax: "Axes | None" = None, title: str = "Confusion") -> "Axes":
        """Draws counts and row percentages.

        Args:
            ax: Where to draw; a new figure that grows with the number of classes if None.
            title: The title; the positive class is added.
        """
        from matplotlib.colors import LinearSegmentedColormap

        size = len(self.classes)
        if ax is None:
            _, ax = figure(2.4 + 1.05 * size, 2.1 + 0.85 * size)
        shares = self.row_shares()
        shading = np.array([[share or 0.0 for share in row] for row in shares])
        colors = LinearSegmentedColormap.from_list("kbin", ["#FFFFFF", _DARKEST])
        ax.imshow(shading, cmap=colors, vmin=0.0, vmax=1.0, aspect="auto")
        for row in range(size):
            for column in range(size):
                share = shares[row][column]
                dark = share is not None and share > _DARK_SHARE
                ax.text(
                    column,
                    row,
                    f"{_count_text(self.counts[row][column])}\n{'no image' if share is None else f'{share:.1%}'}",
                    ha="center",
                    va="center",
                    color="white" if dark else "#222222",
                    fontsize=11 if size <= 4 else 8,
                )
        self._label(ax, title)
        return ax

    def _label(self, ax: "Axes", title: str) -> None:
        names = [plain(shortened(name, 24)) for name in self.classes]
        places = range(len(names))
        slanted = len(names) > 2 and max(map(len, names)) > 8
        ax.set_xticks(places, names, rotation=30 if slanted else 0, ha="right" if slanted else "center")
        totals = [_count_text(sum(row)) for row in self.counts]
        ax.set_yticks(places, [f"{name}\n(n = {total})" for name, total in zip(names, totals, strict=True)])
        ax.set_xlabel("Predicted")
        ax.set_ylabel("True")
        ax.grid(visible=False)
        for border in places[1:]:
            ax.axhline(border - 0.5, color="#D0D0D0", linewidth=0.8)
            ax.axvline(border - 0.5, color="#D0D0D0", linewidth=0.8)
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        positive = f"positive: {self.positive}; " if self.positive else ""
        set_title(ax, title, f"{positive}% of the true class")


def _count_text(count: float) -> str:
    """Whole numbers as such, means over seeds with one decimal."""
    return f"{count:,.0f}" if float(count).is_integer() else f"{count:,.1f}"
