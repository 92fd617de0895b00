"""A figure that a notebook shows by itself; it is imported where something is drawn."""

import io

from matplotlib.figure import Figure


class ShownFigure(Figure):
    """A figure without pyplot, which alone would tell a notebook how figures are shown."""

    def _repr_png_(self) -> bytes:
        """Returns the figure as PNG."""
        buffer = io.BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()
