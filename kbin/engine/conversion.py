"""A frozen prefix -> an OpenVINO network, by way of a channels-first twin and torch's tracing; kept between runs.

Channels first because OpenVINO runs what comes from channels last 2-4 times slower (but KerasHub's Swin is channels
last only, and hardly convolves). Tracing because it takes a third of
the time of `torch.export` (4 to 6 seconds instead of 11 to 15 for the four networks) and gives the same network: the
same features to the bit, as fast.
"""

import contextlib
import hashlib
import importlib.metadata
import os
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
import torch

from kbin.catalogue import find_backbone
from kbin.engine.feature_store import storing
from kbin.engine.prefix import Cut, mean_over_image, output_below
from kbin.files import make_folder
from kbin.interruption import safe_point
from kbin.models.builders import channels_first, channels_first_graph
from kbin.progress import Progress

if TYPE_CHECKING:
    import openvino

_IMAGES_COMPARED = 2
_SECONDS_TO_WRITE = 3600  # far more than a network takes
_PIECE = 1 << 20  # bytes
# Relative to the largest feature; trained networks differ by about 1e-6.
_USUAL_DIFFERENCE, _LARGEST_DIFFERENCE = 1e-4, 0.05


class ConversionError(Exception):
    """OpenVINO cannot take this prefix, or computes something else; torch does it instead."""


def openvino_network(parts: Cut, cache: Path, batch_size: int, progress: Progress) -> "openvino.Model":
    """Returns the prefix as an OpenVINO network: uint8 images in, channels last; features out, channels last.

    Args:
        parts: The cut classifier.
        cache: The folder in which converted networks are kept.
        batch_size: The number of images of a batch, fixed.
        progress: Where the conversion, which takes seconds, is announced.

    Raises:
        ConversionError: It cannot be converted, or its features differ from those of Keras.
        StorageError: It cannot be kept.
    """
    import openvino  # late: an extra

    path = cache / f"{_network_key(parts, batch_size)}.xml"
    if path.is_file():
        with contextlib.suppress(RuntimeError):  # damaged: converted again
            network = openvino.Core().read_model(path)
            os.utime(path)
            return network
    progress.say(f"  converting {parts.prefix.name} below {parts.name} to OpenVINO (once; it is kept)")
    try:
        network = _convert(parts, batch_size)
    except Exception as error:  # whatever a converter of two other projects raises, torch can do the work
        raise ConversionError(f"{type(error).__name__}: {str(error).splitlines()[0][:100]}") from error
    safe_point()
    _check_equal(parts, network, batch_size)
    safe_point()
    _keep(network, path)
    return network


def _keep(network: "openvino.Model", path: Path) -> None:
    """Saves a network as `<name>.xml` and `<name>.bin`, whole or not at all.

    Raises:
        StorageError: It cannot be written.
    """
    import openvino

    aside = path.with_name(f".{path.stem}.{os.getpid()}.xml")
    pairs = [(aside.with_suffix(suffix), path.with_suffix(suffix)) for suffix in (".bin", ".xml")]
    with storing(path):
        make_folder(path.parent)
        try:
            for left_behind in path.parent.glob(".*"):  # by killed processes; another one may be writing now
                if time.time() - left_behind.stat().st_mtime > _SECONDS_TO_WRITE:
                    left_behind.unlink(missing_ok=True)
            try:
                openvino.save_model(network, aside, compress_to_fp16=False)
            except RuntimeError as error:  # OpenVINO does not say why
                raise _why_not_written(network, path.parent, error) from error
            for written, place in pairs:
                with written.open("rb") as stream:
                    os.fsync(stream.fileno())
                os.replace(written, place)
        finally:
            for written, _ in pairs:
                with contextlib.suppress(OSError):
                    written.unlink(missing_ok=True)


def _why_not_written(network: "openvino.Model", folder: Path, error: RuntimeError) -> OSError:
    """Finds out by writing as many bytes in the same folder why OpenVINO could not."""
    num_bytes = sum(one.data.nbytes for one in network.get_ops() if one.get_type_name() == "Constant")
    try:
        with tempfile.TemporaryFile(dir=folder) as stream:
            for _ in range(0, num_bytes + _PIECE, _PIECE):  # with what is around the weights
                stream.write(bytes(_PIECE))
            stream.flush()
    except OSError as reason:
        return reason
    return OSError(f"OpenVINO could not save its network ({str(error).splitlines()[0][:100]})")


def _network_key(parts: Cut, batch_size: int) -> str:
    shape = parts.prefix.input.shape
    versions = [importlib.metadata.version(package) for package in ("openvino", "keras", "torch")]
    text = f"{parts.fingerprint()} {shape} {batch_size} {versions}"
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()


def _convert(parts: Cut, batch_size: int) -> "openvino.Model":
    import openvino
    import openvino.opset14 as opset
    from openvino.frontend.pytorch import ConversionExtension
    from openvino.preprocess import PrePostProcessor

    side = parts.prefix.input.shape[1]
    has_twin = find_backbone(parts.prefix.name).channels_first
    traceable = (_channels_first_twin(parts) if has_twin else parts.prefix).eval()
    shape = (3, side, side) if has_twin else (side, side, 3)
    # Swin's reshapes fix the number of images of the trace.
    example = torch.zeros((2 if has_twin else batch_size, *shape))
    with channels_first() if has_twin else contextlib.nullcontext(), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch and OpenVINO, about themselves
        safe_point()
        traced = torch.jit.trace(traceable, example, check_trace=False)
        safe_point()
        # Keras's BatchNorm calls torch.subtract, a name of `sub` that OpenVINO does not know.
        subtract = ConversionExtension(
            "aten::subtract", lambda node: [opset.subtract(node.get_input(0), node.get_input(1)).output(0)]
        )
        network = openvino.convert_model(traced, example_input=example, extension=[subtract])
    network.reshape([batch_size, *shape])
    layouts = PrePostProcessor(network)
    layouts.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    layouts.input().model().set_layout(openvino.Layout("NCHW" if has_twin else "NHWC"))
    if has_twin and len(parts.boundary.shape) == 4:
        layouts.output().model().set_layout(openvino.Layout("NCHW"))
        layouts.output().tensor().set_layout(openvino.Layout("NHWC"))
    return layouts.build()


def _channels_first_twin(parts: Cut) -> keras.Model:
    """The same network with the same weights, channels first."""
    body = channels_first_graph(parts.prefix.name, parts.prefix.input.shape[1])
    with channels_first():
        if parts.first_depth is None:
            features = mean_over_image(body.output)
            if parts.also_below is not None:
                also = mean_over_image(output_below(body, parts.also_below))
                features = keras.ops.concatenate([also, features], axis=1)
        else:
            features = output_below(body, parts.first_depth)
        twin = keras.Model(body.input, features, name=body.name)
    twin.set_weights(parts.prefix.get_weights())
    return twin


def _check_equal(parts: Cut, network: "openvino.Model", batch_size: int) -> None:
    """Compares the features of random images with those of Keras.

    A network that magnifies rounding (random weights do, trained ones hardly) may differ more: the measure is what a
    change of the images by float32's precision does to its features. A wrong layout or weight differs by about 1.
    """
    import openvino

    side = parts.prefix.input.shape[1]
    images = np.random.default_rng(0).integers(0, 256, (batch_size, side, side, 3), dtype=np.uint8)
    compiled = openvino.Core().compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    converted = compiled([images])[0][:_IMAGES_COMPARED]
    few = images[:_IMAGES_COMPARED].astype(np.float32)
    with torch.no_grad():
        expected = keras.ops.convert_to_numpy(parts.prefix(few, training=False))
        nudged = keras.ops.convert_to_numpy(parts.prefix(few * np.float32(1 + 2e-7), training=False))
    largest = max(float(np.abs(expected).max()), 1e-12)
    rounding = float(np.abs(nudged - expected).max()) / largest
    difference = float(np.abs(converted - expected).max()) / largest
    if not difference <= min(max(_USUAL_DIFFERENCE, 100 * rounding), _LARGEST_DIFFERENCE):
        raise ConversionError(f"its features differ by {difference:.1g} of the largest")
