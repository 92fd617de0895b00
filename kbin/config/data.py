"""The section `data`: images, classes, splits, test sets."""

from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from kbin.config.fields import DataPath, FolderName, Section, Seed, Share, Where
from kbin.errors import unknown_name

RESERVED_SETS = ("train", "validation", "test")
SourceName = Literal["folder", "csv", "npz", "elpv", "cifar10"]


class SplitConfig(Section):
    """How the sets that the source lacks are made; shares are of the images that are split."""

    test: Share | None = 0.25
    validation: Share | None = 0.15
    seed: Seed = 0
    group: str | None = None


class SourceConfig(Section):
    """Where images and labels come from.

    `path` is a folder, a CSV file, an npz file, or CIFAR-10's binary archive; `groups` is a CSV with the columns
    file and group; `columns` names the CSV's own headings (`{path: file, label: diagnosis}`).
    """

    path: DataPath | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    groups: DataPath | None = None
    where: Where = Field(default_factory=dict)
    probability_threshold: Annotated[float, Field(strict=True, gt=0, le=1)] = 0.5

    def _check_path(self, source: SourceName | None) -> None:
        if source in ("folder", "csv", "npz") and self.path is None:
            raise ValueError(f"source '{source}' needs a `path`")
        if source == "elpv" and self.path is not None:
            raise ValueError("source 'elpv' comes from the package elpv-dataset and takes no `path`")
        if self.columns and source != "csv":
            raise ValueError("`columns` belongs to source 'csv'")


class TestSetConfig(SourceConfig):
    """One more named test set: a part of another set (`of`, `where`), or data of its own (`source`)."""

    of: str | None = None
    source: SourceName | None = None
    use: str | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.of is None) == (self.source is None):
            raise ValueError("give either `of` (a part of another set) or `source` (data of its own)")
        if self.of is not None and (not self.where or self.path or self.groups or self.use):
            raise ValueError(f"a part of '{self.of}' is chosen by `where: {{column: value}}` alone")
        self._check_path(self.source)
        return self


class DataConfig(SourceConfig):
    """The images: source, classes, size, splits, and further test sets.

    `limit` is the largest number of images to use of each set (`--quick` sets it). `overlap: drop` takes training
    images that are also in another set out of the training set; `refuse` stops. `on_bad_image: skip` leaves images that
    cannot be read out of everything, unless their share is above `max_bad_share`; `error` stops and names all of them.
    An image of more than `max_megapixels` cannot be read.
    """

    source: SourceName
    classes: Annotated[tuple[str, ...], Field(min_length=2)] | None = None
    positive: Annotated[str | None, Field(validate_default=True)] = None
    image_size: Annotated[int, Field(strict=True, ge=32, le=2048)] = 224
    resize: Literal["stretch", "crop", "pad"] = "stretch"
    split: SplitConfig = SplitConfig()
    test_sets: dict[FolderName, TestSetConfig] = Field(default_factory=dict)
    overlap: Literal["refuse", "drop"] = "refuse"
    limit: Annotated[int, Field(strict=True, ge=4)] | None = None
    on_bad_image: Literal["error", "skip"] = Field(
        "error",
        description="Where images cannot be read: stop and name all of them, or leave them out and list them.",
    )
    max_bad_share: Share = Field(
        0.05, description="With on_bad_image: skip, the largest share of all images that may be left out."
    )
    max_megapixels: float = Field(
        100.0,
        strict=True,
        gt=0,
        le=100_000,
        description="The largest image that is decoded, in millions of pixels; a larger one cannot be read.",
    )

    @field_validator("classes")
    @classmethod
    def _distinct(cls, classes: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if classes is not None and len(set(classes)) < len(classes):
            raise ValueError(f"a class is named twice: {', '.join(classes)}")
        return classes

    @field_validator("positive")
    @classmethod
    def _fits_classes(cls, positive: str | None, info: ValidationInfo) -> str | None:
        classes = info.data.get("classes")
        if classes is None:
            return positive
        if len(classes) > 2 and positive is not None:
            raise ValueError(f"`positive` belongs to two classes; here are {len(classes)}: leave it out")
        if len(classes) == 2 and positive is None:
            raise ValueError(f"`positive` is missing: which of {classes[0]}, {classes[1]} is the positive class?")
        if len(classes) == 2 and positive not in classes:
            raise ValueError(unknown_name("class", str(positive), classes))
        return positive

    @field_validator("test_sets")
    @classmethod
    def _new_names(cls, test_sets: dict[str, TestSetConfig]) -> dict[str, TestSetConfig]:
        for name in RESERVED_SETS:
            if name in test_sets:
                raise ValueError(f"'{name}' is a set that every experiment has: give the new set another name")
        return test_sets

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self._check_path(self.source)
        return self
