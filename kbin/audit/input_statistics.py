"""What entered a model's first convolution, as numbers, and what they say of how the images were prepared."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any, Literal

Reading = Literal["rescaled", "constant", "inverted", "bgr", "grey", "usual"]

AS_THEY_ARE, STRETCHED, INVERTED, BGR = "as they are", "stretched", "inverted", "BGR for RGB"

DARK = 16  # of 255: an image without any higher value is black to the eye
_DIM = 64
_CHANNELS = 3
_MOST = 0.5  # share of images from which on something is said of all
_NEARLY_ALL = 0.95
# Discrepancies of two sets of right images from ImageNet differ by more than half: of histology .56, inverted .40.
_CLEARLY_BETTER = 0.5


@dataclass(frozen=True)
class InputStatistics:
    """Numbers of some training images on their way into a network; three channels each, in their order there.

    Attributes:
        num_images: How many images.
        raw_mean: Of what is handed to the model, RGB 0-255.
        raw_max: The largest value of each channel.
        dark_share: Share of images without a value above `DARK`.
        constant_share: Share of images of one colour.
        grey_share: Share of images whose channels are equal.
        correlations: Between channels: 1 and 2, 1 and 3, 2 and 3; None where one is constant.
        mean: Of what enters the first convolution.
        std: Its standard deviation.
        min: Its smallest value.
        max: Its largest value.
        expected_mean: What ImageNet's images have there; None where the weights are not pretrained.
        expected_std: Likewise.
        discrepancies: Variant of the raw images -> how far the first convolution's output is from what the BatchNorm
            above it saw in training, in nats a channel; empty where that is not known.
        why_no_reference: A sentence without a full stop, where something of it is not known.
    """

    num_images: int
    raw_mean: tuple[float, ...]
    raw_max: tuple[float, ...]
    dark_share: float
    constant_share: float
    grey_share: float
    correlations: tuple[float, ...] | None
    mean: tuple[float, ...]
    std: tuple[float, ...]
    min: tuple[float, ...]
    max: tuple[float, ...]
    expected_mean: tuple[float, ...] | None
    expected_std: tuple[float, ...] | None
    discrepancies: Mapping[str, float]
    why_no_reference: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Returns plain JSON values, for `from_dict`."""
        return asdict(self) | {"discrepancies": dict(self.discrepancies)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "InputStatistics":
        """Returns the numbers that `as_dict` gave.

        Raises:
            ValueError: Something is missing or no number.
        """
        try:
            return cls(
                num_images=int(values["num_images"]),
                raw_mean=_numbers(values["raw_mean"]),
                raw_max=_numbers(values["raw_max"]),
                dark_share=_number(values["dark_share"]),
                constant_share=_number(values["constant_share"]),
                grey_share=_number(values["grey_share"]),
                correlations=_numbers_or_none(values["correlations"]),
                mean=_numbers(values["mean"]),
                std=_numbers(values["std"]),
                min=_numbers(values["min"]),
                max=_numbers(values["max"]),
                expected_mean=_numbers_or_none(values["expected_mean"]),
                expected_std=_numbers_or_none(values["expected_std"]),
                discrepancies={str(name): _number(value) for name, value in values["discrepancies"].items()},
                why_no_reference=str(values["why_no_reference"]),
            )
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from None

    @property
    def reading(self) -> Reading:
        """What the numbers say; the gravest of what applies.

        - rescaled: at least half of the images are black to the eye, or no image has a value above a quarter of the
          range and the network's statistics fit at least twice as well when it is stretched to the whole of it;
        - constant: nearly all images are of one colour;
        - inverted, bgr: the statistics fit at least twice as well when the images are inverted, or their channels
          reversed, whichever fits better;
        - grey: nearly all images have equal channels;
        - usual: none of it.
        """
        if self.constant_share >= _NEARLY_ALL:
            return "constant"
        if self.dark_share >= _MOST or (max(self.raw_max) <= _DIM and self._is_clearly_better(STRETCHED)):
            return "rescaled"
        nearest = min((INVERTED, BGR), key=lambda variant: self.discrepancies.get(variant, float("inf")))
        if self._is_clearly_better(nearest):
            return "inverted" if nearest == INVERTED else "bgr"
        return "grey" if self.grey_share >= _NEARLY_ALL else "usual"

    def _is_clearly_better(self, variant: str) -> bool:
        now, then = self.discrepancies.get(AS_THEY_ARE), self.discrepancies.get(variant)
        return now is not None and then is not None and then <= _CLEARLY_BETTER * now


def _number(value: Any) -> float:
    number = float(value)
    if not isfinite(number):
        raise ValueError(f"{value} is no finite number")
    return number


def _numbers(values: Any) -> tuple[float, ...]:
    numbers = tuple(_number(value) for value in values)
    if len(numbers) != _CHANNELS:
        raise ValueError(f"{len(numbers)} values for {_CHANNELS} channels")
    return numbers


def _numbers_or_none(values: Any) -> tuple[float, ...] | None:
    return None if values is None else _numbers(values)
