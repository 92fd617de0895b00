import numpy as np
import pytest

from kbin import model_inputs
from kbin.data.datasets import ArrayImages, Dataset
from kbin.engine.inputs import ImageInputs
from kbin.model_inputs import SetImages, uncut_inputs


def _set(count: int) -> SetImages:
    images = ArrayImages(np.zeros((count, 4, 4, 3), np.uint8), "images")
    labels = np.zeros(count, np.int64)
    data = Dataset(np.array([str(index) for index in range(count)]), labels, ("a", "b"), images)
    return SetImages(data, ImageInputs(images, 4, "stretch"))


@pytest.mark.parametrize(
    ("room", "kept"), [(12, {"train", "validation"}), (11, {"train"}), (7, {"validation"}), (3, set())]
)
def test_uncut_training_keeps_decoded_images_within_one_limit_for_all_sets(monkeypatch, room, kept):
    """The test set is seen once, and kept never."""
    monkeypatch.setattr(model_inputs, "_DECODED_BYTES_KEPT", room * 4 * 4 * 3)
    sets = {"train": _set(8), "validation": _set(4), "test": _set(1)}
    inputs = uncut_inputs(sets, None, epochs=2)
    assert {name for name, one in inputs.by_set.items() if one is not sets[name].images} == kept
