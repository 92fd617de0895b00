"""Which classes a source has, and the index of each label."""

from collections.abc import Callable, Collection, Sequence

import numpy as np

from kbin.data.datasets import Dataset, Labels
from kbin.data.wording import first_few_of
from kbin.errors import DataError, unknown_name


def choose_classes(found: Collection[str], classes: Sequence[str] | None, origin: str) -> tuple[str, ...]:
    """Returns the classes given, or those found in alphabetical order.

    Args:
        found: The class names of the source.
        classes: The ones that are asked for; None means all.
        origin: What messages call the source.

    Raises:
        DataError: There are fewer than two.
    """
    chosen = tuple(sorted(found)) if classes is None else tuple(classes)
    if len(chosen) < 2:
        only = f"one class only, '{chosen[0]}'" if chosen else "no class"
        raise DataError(f"{origin}: {only}. At least two classes are needed to tell images apart.")
    return chosen


def label_indices(
    labels: Sequence[str], classes: Sequence[str] | None, origin: str, place: Callable[[int], str]
) -> tuple[Labels, tuple[str, ...]]:
    """Returns the index of each label into the classes, shape (n,), and the classes.

    Args:
        labels: Class names, one an image.
        classes: The allowed names; None means whichever are there.
        origin: What messages call the source.
        place: What messages call the place of the label with this index.

    Raises:
        DataError: A label is none of the classes, or there are fewer than two classes.
    """
    chosen = choose_classes(set(labels), classes, origin)
    index_of = {name: index for index, name in enumerate(chosen)}
    unknown = [index for index, label in enumerate(labels) if label not in index_of]
    if unknown:
        # Only those that are shown: it takes milliseconds to find what an unknown label is most like.
        faults = first_few_of(
            unknown, lambda index: f"{place(index)}: {unknown_name('label', labels[index], chosen)}", separator=" "
        )
        raise DataError(f"{origin}: {faults}\nCorrect the labels, or name all classes in data.classes.")
    return np.array([index_of[label] for label in labels], dtype=np.int64), chosen


def order_by_positive(classes: tuple[str, ...], positive: str | None) -> tuple[str, ...]:
    """Returns the classes with the positive one of two last, so that label 1 means positive.

    Raises:
        DataError: Two classes without a positive one, or more than two with one.
    """
    if len(classes) != 2:
        if positive is not None:
            raise DataError(
                f"data.positive is '{positive}', but there are {len(classes)} classes: {', '.join(classes)}. "
                "A positive class belongs to two classes: leave data.positive out, or name two in data.classes."
            )
        return classes
    if positive is None:
        raise DataError(f"two classes, {classes[0]} and {classes[1]}: name the positive one in data.positive.")
    if positive not in classes:
        raise DataError(f"data.positive: {unknown_name('class', positive, classes)}")
    return (*(name for name in classes if name != positive), positive)


def with_classes(dataset: Dataset, classes: tuple[str, ...]) -> Dataset:
    """Returns the same dataset with its classes in another order."""
    if dataset.classes == classes:
        return dataset
    new_index = np.array([classes.index(name) for name in dataset.classes], dtype=np.int64)
    return dataset.relabelled(new_index[dataset.labels], classes)
