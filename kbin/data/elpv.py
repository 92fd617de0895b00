"""The source `elpv`: 2,624 photographs of solar cells by their own light, from the package elpv-dataset.

Source: Deitsch et al., "Automatic classification of defective photovoltaic module cells in electroluminescence
images", Solar Energy 185, 2019. CC BY-NC-SA 4.0.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from kbin.data.datasets import UNSPLIT, Dataset, FileImages
from kbin.errors import DataError, MissingExtraError, nearest_first

CLASSES = ("functional", "defective")


def read_elpv(classes: Sequence[str] | None = None, probability_threshold: float = 0.5) -> dict[str, Dataset]:
    """Reads the list of solar cells; no image is opened.

    Args:
        classes: The names functional and defective, in either order.
        probability_threshold: A cell is defective from this probability on. The experts' values are
            0, 1/3, 2/3 and 1.

    Returns:
        One dataset under UNSPLIT, with the columns `cell` (mono or poly) and `probability` (as in the list).

    Raises:
        MissingExtraError: The package is not installed.
        DataError: Other classes are named, or the package is not as expected.
    """
    chosen = tuple(classes or CLASSES)
    if sorted(chosen) != sorted(CLASSES):
        given = ", ".join(chosen)
        nearest = " and ".join(nearest_first(given, CLASSES))
        raise DataError(f"data.classes: got {given}; the classes of elpv are {nearest}.")
    root = package_folder() / "data"
    rows = [line.split() for line in (root / "labels.csv").read_text(encoding="utf-8").splitlines() if line.strip()]
    if any(len(row) != 3 for row in rows):
        raise DataError(
            f"{root / 'labels.csv'} is not a list of path, probability and cell. Reinstall elpv-dataset: "
            "pip install --force-reinstall elpv-dataset"
        )
    paths, probabilities, cells = np.array(rows, dtype=np.str_).T
    defective = probabilities.astype(np.float64) >= probability_threshold
    return {
        UNSPLIT: Dataset(
            paths=paths,
            labels=np.where(defective, chosen.index("defective"), chosen.index("functional")).astype(np.int64),
            classes=chosen,
            images=FileImages([root / path for path in paths]),
            columns={"cell": cells, "probability": probabilities},
        )
    }


def package_folder() -> Path:
    """Returns the folder of the package.

    Raises:
        MissingExtraError: It is not installed.
    """
    # Found but not imported: importing is not needed for reading its files.
    spec = find_spec("elpv_dataset")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(
            "source 'elpv' needs the package elpv-dataset, which is not installed: pip install 'kbin[samples]'"
        )
    return Path(spec.submodule_search_locations[0])
