"""The estimator as scikit-learn's checks need it: rows of a table are drawn as small images."""

from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted, validate_data

from kbin.deploy.estimator import ImageClassifier

TILES, TILE = 6, 8  # tiles a side, pixels a tile's side: 48 px, and room for 36 columns


class FlatImageClassifier(ImageClassifier):
    """Takes tables of at most 36 columns; each row becomes an image of grey tiles, a column a tile.

    What is a table's business (two dimensions, NaN, the number of columns) is scikit-learn's `validate_data`; the rest
    is kbin's estimator, unchanged.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        if y is None:
            return super().fit(X, y)
        X = validate_data(self, X, dtype=np.float64)
        self.low_, self.high_ = X.min(axis=0), X.max(axis=0)
        return super().fit(self._drawn(X), y, sample_weight)

    def _outputs(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        return super()._outputs(self._drawn(validate_data(self, X, dtype=np.float64, reset=False)))

    def _drawn(self, X: np.ndarray) -> np.ndarray:
        spread = np.where(self.high_ > self.low_, self.high_ - self.low_, 1.0)
        grey = np.full((len(X), TILES * TILES), 128.0)
        grey[:, : X.shape[1]] = (20 + 200 * (X - self.low_) / spread).clip(0, 255)
        tiles = grey.reshape(-1, TILES, TILES).round().astype(np.uint8)
        return np.repeat(np.repeat(tiles, TILE, axis=1), TILE, axis=2)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.three_d_array = True, False
        tags.input_tags.one_d_array, tags.input_tags.string = False, False
        return tags
