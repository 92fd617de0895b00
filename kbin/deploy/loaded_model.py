"""A trained model with what belongs to it: raw images of any kind go in, answers in the person's own words come out."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from PIL import Image

from kbin.data.image_files import MAX_MEGAPIXELS
from kbin.deploy.decoded_batches import AnyImage
from kbin.deploy.model_folder import open_model_folder
from kbin.deploy.predicted_images import Naming, threshold_in_force
from kbin.deploy.prediction_pass import PredictionPass, chosen_runtime, open_pass
from kbin.engine.prefix import Cut, cut_below_head
from kbin.errors import ModelFileError
from kbin.evaluation.novelty import NoveltyMeasure
from kbin.model_description import ModelDescription
from kbin.models import model_files
from kbin.novelty_files import read_novelty
from kbin.progress import Progress
from kbin.run_files import NOVELTY

if TYPE_CHECKING:
    import pandas

Images = np.ndarray | Sequence[Any] | Iterable[Any]


class LoadedModel:
    """One trained model of a run.

    Args:
        path: Its folder, its model.keras, or a folder above that holds one model alone.

    Attributes:
        keras_model: The plain network: RGB of one size in, 0 to 255, probabilities out.
        description: What model.json says: classes, threshold, where it comes from.
        novelty: What tells images that are unlike anything in training; None where nothing does.

    Raises:
        ModelFileError: A file is missing or damaged, or they do not belong together.
    """

    def __init__(self, path: str | Path):
        folder = open_model_folder(path)
        self.description: ModelDescription = folder.description
        self.keras_model: keras.Model = model_files.load_model(folder.model_path)
        self.novelty: NoveltyMeasure | None = None
        if self.description.unlike_training is not None:
            self.novelty = read_novelty(folder.inside(NOVELTY), self.description.unlike_training.sha256)
        self._parts = _checked_parts(self.keras_model, self.description, self.novelty, folder.model_path)
        self._passes: dict[tuple[str, str], PredictionPass] = {}

    def prediction_pass(
        self,
        runtime: str = "auto",
        precision: str = "float32",
        progress: Progress | None = None,
        number: int | None = None,
    ) -> PredictionPass:
        """Returns what runs the model, opened once for each runtime and precision.

        Args:
            runtime: "auto", "torch" or "openvino".
            precision: "float32" or "bfloat16".
            progress: Where it is said that a network is converted, or that float32 takes the place of bfloat16.
            number: Of the images, where it is known: for a few, "auto" converts nothing.

        Raises:
            MissingExtraError: OpenVINO is asked for but not installed.
        """
        key = chosen_runtime(runtime, number), precision
        if key not in self._passes:
            wanted = self.description.input
            self._passes[key] = open_pass(self._parts, wanted, self.novelty, *key, progress or Progress())
        return self._passes[key]

    def predict(
        self,
        images: Images,
        *,
        threshold: float | None = None,
        runtime: str = "auto",
        precision: str = "float32",
        max_megapixels: float = MAX_MEGAPIXELS,
    ) -> "pandas.DataFrame":
        """Returns a row an image, in their order, with the columns of `kbin predict`.

        Args:
            images: Paths, images of Pillow's, or arrays of any size, shape (height, width) or (height, width, 1 | 3 |
                4), uint8, uint16 or float; or one array of shape (n, height, width, 3). One of them alone works, too.
            threshold: In place of the locked one, for two classes.
            runtime: "auto", "torch" or "openvino".
            precision: "float32", or "bfloat16", which is used as long as probabilities stay within 1e-2 of float32.
            max_megapixels: The largest image that is decoded, in millions of pixels; a larger one cannot be read.

        Returns:
            `path` (empty for what is no file), `probability` of the positive class (of more than two classes: of the
            answer, and a column a class), `label`, `training_distance` as a share of the limit, `unlike_training`, and
            `error`: what is wrong with an image that cannot be read, whose other columns are empty.

        Raises:
            KbinError: The threshold or runtime is not to be had.
        """
        import pandas  # late: it takes a second

        listed = list(_listed(images))
        naming = Naming(self.description, threshold_in_force(self.description, threshold), self.novelty is not None)
        ran = self.prediction_pass(runtime, precision, number=len(listed))
        rows = [row for batch in ran.run(_named(listed), int(max_megapixels * 1e6)) for row in naming.rows(batch)]
        table = pandas.DataFrame(rows, columns=naming.columns)
        numbers = [name for name in naming.columns if name not in ("path", "label", "unlike_training", "error")]
        kinds = dict.fromkeys(numbers, "float64") | {"unlike_training": "boolean"}
        return table.astype({name: kind for name, kind in kinds.items() if name in table})


def load_model(path: str | Path) -> "keras.Model | LoadedModel":
    """Opens a model, from whomever it comes: nothing in its files runs.

    Args:
        path: A `.keras` file, which gives the plain `keras.Model`, or the folder of a model that `kbin run` has made
            (or one above that holds one model alone), which gives an object with `.predict(images)`.

    Raises:
        ModelFileError: There is no such file or folder, it is damaged, or it holds more than a plain model.
    """
    is_folder = Path(path).is_dir() and Path(path).suffix != ".keras"
    return LoadedModel(path) if is_folder else model_files.load_model(path)


def _listed(images: Images) -> Iterable[Any]:
    if isinstance(images, str | Path | Image.Image):
        return [images]
    if isinstance(images, np.ndarray) and images.dtype.kind not in "UO" and images.ndim < 4:
        return [images]
    return images


def _named(images: Sequence[Any]) -> Iterator[tuple[tuple[str, str], AnyImage]]:
    for image in images:
        if isinstance(image, str | Path):
            yield (str(image), ""), Path(image)
        else:
            yield ("", ""), image


def _checked_parts(
    model: keras.Model, description: ModelDescription, novelty: NoveltyMeasure | None, path: Path
) -> Cut:
    """Cuts the model below its head, once it is what model.json describes."""
    side = description.input.size
    outputs = 1 if description.output == "sigmoid" else len(description.classes)
    try:
        if model.input_shape != (None, side, side, 3) or model.output_shape != (None, outputs):
            raise ValueError(f"it takes {model.input_shape} and gives {model.output_shape}")
        parts = cut_below_head(model, None if novelty is None else novelty.below)
        num_features = parts.num_also or parts.boundary.shape[-1]
        if novelty is not None and novelty.references.shape[1] != num_features:
            raise ValueError(f"{NOVELTY} has {novelty.references.shape[1]} features, and it has {num_features}")
        return parts
    except (AttributeError, ValueError) as error:
        raise ModelFileError(
            f"{path} is not the classifier that model.json beside it describes ({str(error)[:200]}): give the folder "
            "of a model that `kbin run` has made."
        ) from None
