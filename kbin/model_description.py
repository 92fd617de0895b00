"""model.json: what somebody has to know of a model.keras to use it elsewhere.

The file is read by other tools, and may come from a stranger: it is data, and what is in it is checked.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from kbin.errors import ModelFileError
from kbin.files import as_json, read_file

DESCRIPTION = "model.json"
_MOST_BYTES = 2**24

_Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
_Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
_Name = Annotated[str, Field(max_length=1_000)]


class _Part(BaseModel):
    """Unknown keys are left alone: a later kbin may write more."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class LockedThreshold(_Part):
    """The probability from which on the answer is the positive class, and where it comes from.

    Attributes:
        value: The threshold.
        chosen_on: "fixed", "validation", "out_of_fold", or "half" where there was nothing to choose it on.
        criterion: By which it was chosen, such as "youden"; None where it was not.
        sensitivity: The wanted share of the positives; None for other criteria.
    """

    value: Annotated[float, Field(allow_inf_nan=False)]
    chosen_on: _Name
    criterion: _Name | None = None
    sensitivity: _Probability | None = None


class ImageInput(_Part):
    """What goes in: RGB images of one size, channels last, 0 to 255; all else is in the model.

    Attributes:
        size: Side in pixels.
        resize: How an image of another size becomes one of this: see `kbin.data.images.decode`.
        preprocessing: What the model itself does with the pixels, in words.
    """

    size: Annotated[int, Field(ge=1, le=4096)]
    resize: Literal["stretch", "crop", "pad"]
    channels: Literal["RGB"] = "RGB"
    layout: Literal["NHWC"] = "NHWC"
    range: tuple[Literal[0], Literal[255]] = (0, 255)
    preprocessing: str = ""


class TrainingData(_Part):
    """What it was trained on.

    Attributes:
        images: How many.
        counts: Class -> images.
        fingerprint: Of the images' content and labels, whatever their order and names.
    """

    images: Annotated[int, Field(ge=1)]
    counts: dict[_Name, int]
    fingerprint: _Name


class UnlikeTraining(_Part):
    """How images that are unlike anything in training are told; what it takes lies in unlike_training.npz.

    Attributes:
        false_alarm_rate: The probability with which an image like those of training is marked.
        held_out_images: How many held-out images the limit comes from.
        held_out: "validation", or "training" where training images, each left out in turn, are among them.
        sha256: Of unlike_training.npz.
    """

    false_alarm_rate: _Probability
    held_out_images: Annotated[int, Field(ge=1)]
    held_out: Literal["validation", "training"]
    sha256: _Sha256


class ModelDescription(_Part):
    """All of model.json.

    Attributes:
        format: Of this file.
        experiment: The experiment's name.
        model: The id of the entry in its `models`.
        seed: Of the training.
        backbone: Name in the catalogue.
        weights: What it began from: "packaged", "imagenet", "none", or a file's name.
        classes: In the order of the labels; of two, the positive one last.
        positive: The class whose probability a sigmoid output is; None for more than two.
        output: "sigmoid": shape (n, 1); "softmax": shape (n, num_classes).
        input: What goes in.
        threshold: For two classes; None for more: the likeliest class is the answer.
        temperature: That makes its probabilities calibrated; None where none was fitted.
        unlike_training: How unlike images are told; None where the training images could not say it.
        training_data: What it was trained on.
        versions: Package -> version, of the training.
        sha256: Of model.keras.
    """

    format: Literal[1] = 1
    experiment: _Name
    model: _Name
    seed: int
    backbone: _Name
    weights: _Name
    classes: Annotated[tuple[_Name, ...], Field(min_length=2, max_length=100_000)]
    positive: _Name | None
    output: Literal["sigmoid", "softmax"]
    input: ImageInput
    threshold: LockedThreshold | None
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    unlike_training: UnlikeTraining | None = None
    training_data: TrainingData
    versions: dict[_Name, _Name]
    sha256: _Sha256

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        two = len(self.classes) == 2
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("a class is there twice")
        if self.output == "sigmoid" and not two:
            raise ValueError("a sigmoid output has two classes")
        if self.positive != (self.classes[-1] if two else None):
            raise ValueError("of two classes the last one is the positive one; of more, none is")
        if (self.threshold is None) is two:
            raise ValueError("two classes have a threshold; more have none")
        return self

    def as_text(self) -> str:
        """Returns the file's text."""
        return as_json(self.model_dump(mode="json"))


def read_description(folder: Path) -> ModelDescription:
    """Reads model.json of a model's folder.

    Raises:
        ModelFileError: There is none, or it is damaged.
    """
    path = folder / DESCRIPTION
    if not path.is_file():
        raise ModelFileError(
            f"{folder} has no {DESCRIPTION}, which says what the model's classes and images are. A run that an older "
            "kbin made has none: `kbin run FILE --fresh` makes it anew, on the features that are stored. Else give the "
            "folder of a model, runs/<name>/models/<id>/seed-<n>."
        )
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError("it is too large")
        return ModelDescription.model_validate_json(read_file(path))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        reason = f"{where}: {first['msg']}" if where else first["msg"]
    except (OSError, ValueError, RecursionError) as error:
        reason = str(error)
    raise ModelFileError(f"{path} is damaged ({reason[:300]}): copy the model's folder anew.")
