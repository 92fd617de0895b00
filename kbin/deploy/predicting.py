"""`kbin predict`: a model's folder and images in, a row an image out, and what a person wants to know at the end."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from kbin.data.image_files import MAX_MEGAPIXELS, has_image_name
from kbin.data.wording import counted, printable
from kbin.deploy.given_images import GivenImages
from kbin.deploy.label_evaluation import LabelEvaluation
from kbin.deploy.loaded_model import LoadedModel
from kbin.deploy.predicted_images import Naming, threshold_in_force
from kbin.deploy.row_output import partial_path, row_output
from kbin.errors import DataError
from kbin.model_description import DESCRIPTION, ModelDescription
from kbin.progress import Progress
from kbin.run_files import MODEL, NOVELTY

_MOST_NAMED = 5  # bad images


@dataclass(frozen=True)
class PredictSettings:
    """How images are predicted.

    Attributes:
        out: The file of the rows; None writes them to standard output.
        form: "csv" or "jsonl".
        labels: Where true classes stand; see `GivenImages`.
        runtime: "auto", "torch" or "openvino".
        precision: "float32" or "bfloat16"; see `CheckedRuntime`.
        threshold: In place of the locked one.
        max_megapixels: The largest image that is decoded, in millions of pixels.
    """

    out: Path | None = None
    form: str = "csv"
    labels: str | None = None
    runtime: str = "auto"
    precision: str = "float32"
    threshold: float | None = None
    max_megapixels: float = MAX_MEGAPIXELS


@dataclass(frozen=True)
class Summary:
    """What came of it.

    Attributes:
        images: How many there were.
        bad: How many of them cannot be read.
        bad_named: The first of these, with the reason.
        answers: Class -> images.
        unlike: How many are unlike anything in training; None where nothing tells.
        evaluation: Where labels were given.
    """

    images: int
    bad: int
    bad_named: tuple[str, ...]
    answers: dict[str, int]
    unlike: int | None
    evaluation: LabelEvaluation | None

    def as_dict(self) -> dict[str, Any]:
        """Returns it as plain values."""
        found = None if self.evaluation is None else self.evaluation.as_dict()
        return {
            "images": self.images,
            "cannot_be_read": self.bad,
            "answers": self.answers,
            "unlike_training": self.unlike,
            "evaluation": found,
        }

    def lines(self, description: ModelDescription) -> list[str]:
        """Returns what a person reads."""
        answers = ", ".join(f"{count:,} {name}" for name, count in self.answers.items())
        lines = [f"{self.images - self.bad:,} {'image' if self.images - self.bad == 1 else 'images'}: {answers}"]
        if self.unlike is not None and description.unlike_training is not None:
            rate = description.unlike_training.false_alarm_rate
            lines.append(
                f"{self.unlike:,} of them unlike anything in training (of images like those of training, {rate:.1%} "
                "are marked so, too)"
            )
        if self.bad:
            lines.append(f"{counted(self.bad, 'image')} cannot be read: {', '.join(self.bad_named)}")
            if self.bad > len(self.bad_named):
                lines[-1] += f" and {self.bad - len(self.bad_named):,} more"
        return lines + ([] if self.evaluation is None else self.evaluation.lines())


def predict_images(
    model: LoadedModel, images: GivenImages, settings: PredictSettings, stream: BinaryIO, progress: Progress
) -> Summary:
    """Predicts images as they come, and writes a row for each; memory does not grow with their number.

    Args:
        model: The trained model.
        images: Those that are given.
        settings: How.
        stream: Standard output.
        progress: Where a person sees what happens.

    Raises:
        KbinError: There are no images, a path or table is wrong, or the output cannot be written.
    """
    description = model.description
    threshold = threshold_in_force(description, settings.threshold)
    total = images.count()
    if total == 0:
        raise DataError("there are no images: the folders hold none whose names are those of images.")
    if settings.out is not None:
        _check_harmless(settings.out, images)
    has_truth = settings.labels is not None
    naming = Naming(description, threshold, model.novelty is not None, has_truth)
    evaluation = LabelEvaluation(description.classes, threshold) if has_truth else None
    ran = model.prediction_pass(settings.runtime, settings.precision, progress, total)
    count = _Count(naming, description.classes)
    title = f"predicting ({ran.runtime.name}, {ran.runtime.precision})"
    pairs = (((one.path, one.label), one.file) for one in images)
    try:
        with (
            row_output(settings.out, stream, settings.form, naming.columns) as write,
            progress.bar(title, total, "images") as advance,
        ):
            for batch in ran.run(pairs, int(settings.max_megapixels * 1e6)):
                rows = list(naming.rows(batch))
                write(rows)
                count.add(rows)
                advance(len(rows))
                if evaluation is not None:
                    evaluation.add(batch)
    except BaseException:
        if settings.out is not None and count.images and partial_path(settings.out).is_file():
            progress.say(f"the rows that were done are in {partial_path(settings.out)}")
        raise
    return count.summary(evaluation)


def _check_harmless(out: Path, images: GivenImages) -> None:
    """Makes sure that rows replace nothing that is to be predicted, and no model.

    Raises:
        DataError: They would.
    """
    if images.has_file(out):
        raise DataError(f"{printable(str(out))} is one of the files that are given. Give --out another name.")
    if out.name in (MODEL, DESCRIPTION, NOVELTY) and out.exists():
        raise DataError(f"{printable(str(out))} is a model's file. Give --out another name.")
    if has_image_name(out):
        raise DataError(
            f"{printable(str(out))} is an image's name, and rows are text. Give --out a name like rows.csv."
        )


class _Count:
    """Counts as rows go by."""

    def __init__(self, naming: Naming, classes: Sequence[str]):
        self.images = self._bad = self._unlike = 0
        self._has_novelty = naming.has_novelty
        self._answers = dict.fromkeys(classes, 0)
        self._named: list[str] = []

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        for row in rows:
            self.images += 1
            if row["error"]:
                self._bad += 1
                if len(self._named) < _MOST_NAMED:
                    self._named.append(f"{printable(row['path'])} ({row['error']})")
            else:
                self._answers[row["label"]] += 1
                self._unlike += bool(row.get("unlike_training"))

    def summary(self, evaluation: LabelEvaluation | None) -> Summary:
        unlike = self._unlike if self._has_novelty else None
        return Summary(self.images, self._bad, tuple(self._named), self._answers, unlike, evaluation)
