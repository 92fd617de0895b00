"""Catalogue name -> a flat `keras.Model` from raw RGB 0-255 to the backbone's last feature map."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import keras
from keras import layers, ops

from kbin.catalogue import IMAGENET, find_backbone
from kbin.interruption import safe_point
from kbin.models.efficientnet_lite import efficientnet_lite0
from kbin.models.resnet18 import resnet18
from kbin.models.shufflenet_v2 import shufflenet_v2
from kbin.models.small_cnn import small_cnn
from kbin.models.swin import swin_tiny
from kbin.models.torchvision_layers import channel_axis, standardize_images
from kbin.models.weights_files import weights_path
from kbin.models.weights_loading import load_backbone_weights

_Graph = Callable[[keras.KerasTensor], keras.KerasTensor]


def build_backbone(name: str, weights: str = "", image_size: int = 224) -> keras.Model:
    """Builds a backbone that takes raw images.

    Every backbone owns its preprocessing, once: images go in as RGB 0-255.

    Args:
        name: A name of the catalogue.
        weights: "packaged", "imagenet", "none" or a file's path; by default the catalogue's first.
        image_size: Side of the images in pixels.

    Returns:
        A model from shape (batch, image_size, image_size, 3) to the last feature map, named after the backbone.

    Raises:
        ConfigError: Unknown name, or an image size that the network cannot take.
        MissingExtraError: The backbone's layers, or its packaged weights, are not installed.
        WeightsError: The weights cannot be had, or belong to another network.
    """
    backbone = find_backbone(name)
    weights = weights or backbone.weights[0]
    backbone.check_image_size(image_size)
    path = weights_path(backbone, weights)
    safe_point()
    images = keras.Input((image_size, image_size, 3), name="image")
    model = keras.Model(images, _GRAPHS[name](images), name=name)
    safe_point()
    if path is not None:
        load_backbone_weights(model, backbone, path, is_imagenet=weights == IMAGENET)
    return model


def channels_first_graph(name: str, image_size: int) -> keras.Model:
    """Builds a backbone without weights that takes and gives channels first, as fast runtimes want it.

    Its weights come in the same order and shapes as those of `build_backbone`.

    Args:
        name: A name of the catalogue whose row says `channels_first`.
        image_size: Side of the images in pixels.
    """
    with channels_first():
        images = keras.Input((3, image_size, image_size), name="image")
        return keras.Model(images, _GRAPHS[name](images), name=name)


@contextmanager
def channels_first() -> Iterator[None]:
    """Sets Keras to channels first for the layers that are built and called inside."""
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        yield
    finally:
        keras.config.set_image_data_format(before)


def _resnet50(images: keras.KerasTensor) -> keras.KerasTensor:
    # The means are given for RGB, then the channels are reversed: the same numbers as Keras's
    # `resnet.preprocess_input`, which reverses first.
    axis = channel_axis()
    x = layers.Normalization(
        axis=axis, mean=[123.68, 116.779, 103.939], variance=[1.0, 1.0, 1.0], name="preprocess_mean"
    )(images)
    x = ops.flip(x, axis=axis)
    return keras.applications.ResNet50(include_top=False, weights=None, input_tensor=x).output


def _efficientnet_b0(images: keras.KerasTensor) -> keras.KerasTensor:
    return keras.applications.EfficientNetB0(include_top=False, weights=None, input_tensor=images).output


def _mobilenet_v3_large(images: keras.KerasTensor) -> keras.KerasTensor:
    return keras.applications.MobileNetV3Large(include_top=False, weights=None, input_tensor=images).output


def _efficientnet_lite0(images: keras.KerasTensor) -> keras.KerasTensor:
    return efficientnet_lite0(layers.Rescaling(1 / 128, offset=-127 / 128, name="preprocess_scale")(images))


def _resnet18(images: keras.KerasTensor) -> keras.KerasTensor:
    return resnet18(standardize_images(images))


def _shufflenet_v2_x0_5(images: keras.KerasTensor) -> keras.KerasTensor:
    return shufflenet_v2(standardize_images(images), width=0.5)


def _shufflenet_v2_x1_0(images: keras.KerasTensor) -> keras.KerasTensor:
    return shufflenet_v2(standardize_images(images), width=1.0)


def _small_cnn(images: keras.KerasTensor) -> keras.KerasTensor:
    return small_cnn(layers.Rescaling(1 / 255, name="preprocess_scale")(images))


def _swin_tiny(images: keras.KerasTensor) -> keras.KerasTensor:
    return swin_tiny(standardize_images(images))


_GRAPHS: dict[str, _Graph] = {
    "ResNet50": _resnet50,
    "ResNet18": _resnet18,
    "EfficientNetB0": _efficientnet_b0,
    "MobileNetV3Large": _mobilenet_v3_large,
    "EfficientNetLite0": _efficientnet_lite0,
    "ShuffleNetV2x0_5": _shufflenet_v2_x0_5,
    "ShuffleNetV2x1_0": _shufflenet_v2_x1_0,
    "SwinTiny": _swin_tiny,
    "SmallCNN": _small_cnn,
}
