"""Where one image cannot be read, all such images are named at once."""

from typing import TYPE_CHECKING

from kbin.data.bad_images import AllBadImagesError, find_bad_images
from kbin.data.sets import read_sets
from kbin.errors import BadImagesError
from kbin.progress import Progress
from kbin.runs import RunDirectory

if TYPE_CHECKING:
    from kbin.config.data import DataConfig


def refuse_bad_images(data: "DataConfig", progress: Progress | None = None) -> None:
    """Decodes every image of an experiment once, unless bad ones are left out anyway.

    Args:
        data: The data section.
        progress: Where it is shown.

    Raises:
        AllBadImagesError: Some cannot be read.
    """
    if data.on_bad_image == "error":
        bad = find_bad_images(read_sets(data), data, progress)
        if bad.images:
            raise AllBadImagesError(bad, max_share=None)


def named_in_full(error: BadImagesError, data: "DataConfig", run: RunDirectory, progress: Progress) -> BadImagesError:
    """Returns the error that names all bad images of an experiment, where one or some have shown themselves.

    So the images are decoded once more only where something is wrong. The full list goes into the run's folder, where
    that was begun.

    Args:
        error: What reading an image raised.
        data: The data section.
        run: The run.
        progress: Where it is shown.
    """
    if isinstance(error, AllBadImagesError):
        bad, max_share = error.bad, error.max_share
    else:
        progress.say("an image cannot be read; looking for all such images")
        bad, max_share = find_bad_images(read_sets(data), data, progress), None
    if not bad.images:  # it was mended meanwhile, or the disk was gone for a moment
        return error
    if not run.is_a_run:
        return AllBadImagesError(bad, max_share)
    return AllBadImagesError(bad, max_share, run.save_bad_images(bad.rows()))
