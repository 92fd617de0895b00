import numpy as np
import pytest
from PIL import Image

from kbin.auditing.inputs import audited
from kbin.data.datasets import Dataset, FileImages
from kbin.data.image_measures import measure, unpacked


@pytest.mark.parametrize(
    ("columns", "of_the_run", "expected"),
    [
        ({"group": np.array(["p1", "p2"])}, {}, ["p1", "p2"]),  # the split did not use them, so they may be torn
        ({"group": np.array(["p1", "p2"])}, {"a.png": "s1", "b.png": "s2"}, ["s1", "s2"]),
        ({"site": np.array(["p1", "p2"])}, {}, None),
    ],
)
def test_groups_are_those_of_the_run_or_else_those_that_the_data_names(tmp_path, columns, of_the_run, expected):
    files = [tmp_path / "a.png", tmp_path / "b.png"]
    for file, colour in zip(files, ("red", "blue"), strict=True):
        Image.new("RGB", (8, 8), colour).save(file)
    data = Dataset(np.array(["a.png", "b.png"]), np.array([0, 1]), ("cat", "dog"), FileImages(files), columns=columns)

    groups = audited("train", data, unpacked(measure(data.images, range(2))), None, {}, of_the_run).groups

    assert (None if groups is None else groups.tolist()) == expected
