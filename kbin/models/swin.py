"""Swin-Tiny as KerasHub builds it, and the names under which torchvision's weights file keeps its tensors.

Source: Liu et al. 2021, "Swin transformer: hierarchical vision transformer using shifted windows" (arXiv 2103.14030).

KerasHub's backbone stays one layer of the model, with its own layers nested inside: put flat, they could be saved but
not loaded, since its stages do not build what they hold (`Layer.build_from_config`). A file keeps the weights of a
nested backbone, but not which of its layers are frozen: whoever trains a loaded model freezes it again first.
"""

import warnings
from collections.abc import Iterator
from typing import Any

import keras
from keras import layers

from kbin.errors import MissingExtraError

_DEPTHS, _HEADS = (2, 2, 6, 2), (3, 6, 12, 24)
_WIDTH, _WINDOW, _PATCH = 96, 7, 4
_DROP_PATH = 0.2  # stochastic depth of the last block; it grows linearly from 0 with depth

# Keras takes the attention mask for a mask of the layer's input, and warns of it in every shifted window.
_MASK_WARNING = r"Layer 'attn' \(of type WindowAttention\) was passed an input with a mask"


def swin_tiny(inputs: keras.KerasTensor) -> keras.KerasTensor:
    """Puts Swin-Tiny, without its classifier, on `inputs`.

    Args:
        inputs: shape (batch, height, width, 3), standardised by ImageNet's channels; sides a multiple of 224, so that
            windows of 7 fit the map of every stage.

    Returns:
        Shape (batch, height / 32, width / 32, 768).

    Raises:
        MissingExtraError: KerasHub is not installed.
    """
    shape = inputs.shape[1:]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of KerasHub and TensorFlow, about themselves
        backbone = _keras_hub().models.SwinTransformerBackbone(
            image_shape=shape,
            embed_dim=_WIDTH,
            depths=_DEPTHS,
            num_heads=_HEADS,
            window_size=_WINDOW,
            patch_size=_PATCH,
            drop_path=_DROP_PATH,
            name="swin",
        )
    for stage in backbone.stages:
        for block in stage.blocks:
            block.attn.supports_masking = True  # see `_MASK_WARNING`
    warnings.filterwarnings("ignore", message=_MASK_WARNING)  # for models that are read from their files
    # KerasHub gives a list of patches; as a map it is pooled and shown like every other backbone's.
    return layers.Reshape((shape[0] // 32, shape[1] // 32, _WIDTH * 8), name="norm_map")(backbone(inputs))


def _keras_hub() -> Any:
    try:
        import keras_hub  # late: an extra, which brings TensorFlow
    except ImportError as error:
        raise MissingExtraError(
            f"SwinTiny is made of KerasHub's layers, and `import keras_hub` fails ({error}): "
            "`pip install 'kbin[hub]'` (it brings TensorFlow), or choose another backbone."
        ) from None
    return keras_hub


def torch_names() -> Iterator[tuple[str, str]]:
    """Yields (Keras layer, module of torchvision's state dict) for every layer that has weights."""
    yield "swin.patch_embedding.proj", "features.0.0"
    yield "swin.patch_embedding.norm", "features.0.2"
    for stage, depth in enumerate(_DEPTHS):
        for index in range(depth):
            layer, module = f"swin.stages.{stage}.blocks.{index}", f"features.{2 * stage + 1}.{index}"
            yield f"{layer}.norm1", f"{module}.norm1"
            yield f"{layer}.attn", f"{module}.attn"
            yield f"{layer}.attn.qkv", f"{module}.attn.qkv"
            yield f"{layer}.attn.proj", f"{module}.attn.proj"
            yield f"{layer}.norm2", f"{module}.norm2"
            yield f"{layer}.mlp.fc1", f"{module}.mlp.0"
            yield f"{layer}.mlp.fc2", f"{module}.mlp.3"
        if stage + 1 < len(_DEPTHS):
            yield f"swin.stages.{stage}.downsample.reduction", f"features.{2 * stage + 2}.reduction"
            yield f"swin.stages.{stage}.downsample.norm", f"features.{2 * stage + 2}.norm"
    yield "swin.norm", "norm"
