"""What do the five studies' published accuracies support, by their numbers of test images alone?

Without the predictions one cannot know on how many images two models differ. McNemar's mid-p is therefore given as a
range over every number that two accuracies allow: where its lower end is above .05, no predictions whatever would tell
the models apart; where its upper end is below, all would.

Data: the published tables, as the headers of `study_*.yaml` have them. Run: python -m experiments.published_tables
Measured: study 2's models (1,265 and 1,267 of 1,346 right) have p from .25 to .87, so they cannot be told apart; of
study 0's three models all pairs differ. The other studies do not state n.
"""

from dataclasses import dataclass
from itertools import combinations

from kbin.evaluation.paired_tests import mcnemar_range
from kbin.evaluation.proportions import wilson_interval

_SIGNIFICANT = 0.05


@dataclass(frozen=True)
class PublishedStudy:
    """The accuracies of one study on one test set.

    Attributes:
        title: Of the study.
        num_images: Of the test set; None where it is not stated.
        accuracies: Model -> accuracy as published, 0 to 1.
        note: What one has to know to read them.
    """

    title: str
    num_images: int | None
    accuracies: dict[str, float]
    note: str = ""

    def num_right(self, model: str) -> int:
        """Returns the whole number of images that comes nearest to a published accuracy."""
        if self.num_images is None:
            raise ValueError(f"{self.title}: the number of images is not stated.")
        return round(self.accuracies[model] * self.num_images)


STUDIES = (
    PublishedStudy(
        "Study 0: CIFAR-10, airplane or automobile",
        2_000,
        {"MobileNet-V3-Large": 0.63, "ResNet-50": 0.762, "Swin-Tiny": 0.928},
        "Published as ranges: MobileNet .628 to .63, Swin-Tiny .928 to .958; here is the end nearest to ResNet-50.",
    ),
    PublishedStudy(
        "Study 1: tumour slides, test 1",
        None,
        {"ResNet-18 baseline": 0.914, "ResNet-50": 1.0, "ResNet-18, best of grid": 1.0},
    ),
    PublishedStudy("Study 2: car or not", 1_346, {"own CNN": 0.9398, "ResNet-18": 0.9413}),
    PublishedStudy(
        "Study 3: chest X-ray, fine-tuned or fixed",
        400,
        {
            "ResNet50 fine-tuned": 0.7825,
            "EfficientNet-B0 fine-tuned": 0.7675,
            "ResNet50 fixed": 0.8375,
            "EfficientNet-B0 fixed": 0.835,
        },
        "n is not stated: all are multiples of 1/400, and 400 is taken.",
    ),
    PublishedStudy(
        "Study 4: chest X-ray, four classes",
        1_920,
        {
            "ShuffleNetV2, depth 0": 0.8995,
            "ShuffleNetV2, depth 1": 0.9036,
            "ShuffleNetV2, depth 2": 0.9323,
            "EfficientNet-B0, depth 0": 0.8885,
            "EfficientNet-B0, depth 1": 0.9068,
            "EfficientNet-B0, depth 2": 0.9313,
        },
        "n is not stated: 1,920 is taken, the smallest number of images that all six accuracies fit.",
    ),
)


def described(study: PublishedStudy) -> list[str]:
    """Returns the lines of one study: each model with its interval, each pair with its range of p-values."""
    lines = [study.title, *([f"  {study.note}"] if study.note else [])]
    if study.num_images is None:
        return [*lines, "  n is not stated: the accuracies have no interval, and their differences no test."]
    for model, accuracy in study.accuracies.items():
        right = study.num_right(model)
        low, high = wilson_interval(right / study.num_images, study.num_images) or (0.0, 1.0)
        counts = f"{right:,} of {study.num_images:,}"
        lines.append(f"  {model:<20} {accuracy:.4f}  {counts:>14}  95% interval {low:.4f} to {high:.4f}")
    return lines + [f"  {pair_sentence(study, *pair)}" for pair in combinations(study.accuracies, 2)]


def pair_sentence(study: PublishedStudy, first: str, second: str) -> str:
    """Returns whether the published accuracies alone part two models of a study whose n is known."""
    smallest, largest = mcnemar_range(study.num_right(first), study.num_right(second), study.num_images or 0)
    stated = f"{first} and {second}: McNemar's p from {smallest:.2g} to {largest:.2g}"
    if smallest >= _SIGNIFICANT:
        return f"{stated}: they cannot be told apart, whatever the number of images on which they differ."
    if largest < _SIGNIFICANT:
        return f"{stated}: they differ, whatever the number of images on which they do."
    return f"{stated}: it depends on the number of images on which they differ."


def main() -> None:
    """Prints all studies."""
    print("\n\n".join("\n".join(described(study)) for study in STUDIES))


if __name__ == "__main__":
    main()
