"""Learning curves: what each epoch of a training got, on the training and the validation set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from kbin.errors import DataError, unknown_name
from kbin.evaluation.drawing import PALETTE, REFERENCE_COLOR, panels, set_title
from kbin.metric_names import METRICS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TITLES = {"loss": "Loss", **{row.name: row.title for row in METRICS}}
_VALIDATION_PREFIX = "val_"
# Beyond this many epochs the points run into each other.
_MOST_MARKED_EPOCHS = 40


@dataclass(frozen=True, eq=False)
class LearningCurves:
    """The history of one training.

    Attributes:
        label: The model's name.
        training: Quantity -> its value an epoch on the training set, shape (num_epochs,); NaN leaves a gap.
        validation: Quantity -> its value an epoch on the validation set, likewise.
        best_epoch: The epoch whose weights were kept, from 1; None if that is simply the last one.
    """

    label: str
    training: Mapping[str, NDArray[np.float64]]
    validation: Mapping[str, NDArray[np.float64]]
    best_epoch: int | None = None

    @classmethod
    def from_history(
        cls, history: Mapping[str, Sequence[float | None]], label: str, best_epoch: int | None = None
    ) -> Self:
        """Returns the curves of the loss and of every known metric that the history holds.

        Args:
            history: Column -> one value an epoch, as in `keras.callbacks.History.history` or history.csv;
                `val_x` is `x` on the validation set. None and NaN are gaps; other columns (epoch, seconds) are
                left out.
            label: The model's name.
            best_epoch: The epoch whose weights were kept, from 1.

        Raises:
            DataError: No column can be drawn, or the columns differ in length.
        """
        known = {
            name: np.array([np.nan if value is None else value for value in column], dtype=np.float64)
            for name, column in history.items()
            if name.removeprefix(_VALIDATION_PREFIX) in _TITLES
        }
        lengths = {name: len(column) for name, column in known.items()}
        if not any(lengths.values()):
            raise DataError(f"the history holds no epoch of a loss or metric, only: {', '.join(history) or 'nothing'}.")
        if len(set(lengths.values())) > 1:
            raise DataError(f"the history's columns must have the same length, got {lengths}.")
        return cls(
            label=label,
            training={name: column for name, column in known.items() if not name.startswith(_VALIDATION_PREFIX)},
            validation={
                name.removeprefix(_VALIDATION_PREFIX): column
                for name, column in known.items()
                if name.startswith(_VALIDATION_PREFIX)
            },
            best_epoch=best_epoch,
        )

    @property
    def num_epochs(self) -> int:
        """Number of epochs of the training."""
        return len(next(iter({**self.training, **self.validation}.values())))

    @property
    def quantities(self) -> tuple[str, ...]:
        """What can be drawn: the loss, then metrics in reading order."""
        return tuple(name for name in _TITLES if name in self.training or name in self.validation)

    def plot(self, ax: "Axes | None" = None, quantity: str = "loss") -> "Axes":
        """Draws one quantity over the epochs, training and validation.

        Args:
            ax: Where to draw; a new figure if None.
            quantity: One of `quantities`.

        Raises:
            DataError: The history does not hold the quantity.
        """
        if quantity not in self.quantities:
            raise DataError(unknown_name("quantity", quantity, self.quantities))
        from matplotlib.ticker import MaxNLocator

        if ax is None:
            _, (ax,) = panels(1)
        sets = (("training", self.training, "-", "o"), ("validation", self.validation, "--", "s"))
        for color, (name, columns, linestyle, marker) in zip(PALETTE, sets, strict=False):
            if quantity in columns:
                values = columns[quantity]
                epochs = np.arange(1, len(values) + 1)
                shown = marker if len(values) <= _MOST_MARKED_EPOCHS else ""
                ax.plot(epochs, values, color=color, linestyle=linestyle, marker=shown, markersize=4, label=name)
        if self.best_epoch is not None:
            ax.axvline(
                self.best_epoch,
                color=REFERENCE_COLOR,
                linestyle=":",
                label=f"kept (epoch {self.best_epoch})",
                zorder=1,
            )
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        # All panels over the same epochs, also where a metric begins with gaps.
        ax.set_xlim(0.5, self.num_epochs + 0.5)
        ax.set_xlabel("Epoch")
        ax.set_ylabel(_TITLES[quantity])
        set_title(ax, f"{_TITLES[quantity]} by epoch", self.label)
        ax.legend(fontsize=9, frameon=True, framealpha=0.9, edgecolor="none")
        return ax

    def draw(self) -> "Figure":
        """Returns a figure with a panel for each quantity."""
        drawn, axes = panels(len(self.quantities))
        for ax, quantity in zip(axes, self.quantities, strict=True):
            self.plot(ax, quantity)
        return drawn
