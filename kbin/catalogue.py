"""The backbones that exist, with their blocks and weights, without Keras.

The table is literal and in reading order; config checks names against it, models/ builds from it.
"""

from dataclasses import dataclass

from kbin.errors import ConfigError, unknown_name

PACKAGED, IMAGENET, NONE = "packaged", "imagenet", "none"


@dataclass(frozen=True)
class Block:
    """One stage of a backbone, as its paper divides it.

    Attributes:
        name: The block's name, as used in `train_from` and in parameter tables.
        units: The stems of its layers' names, bottom to top; a model can be cut below each of them.
    """

    name: str
    units: tuple[str, ...]


@dataclass(frozen=True)
class WeightsFile:
    """A file of ImageNet weights that Keras or torchvision publishes.

    Attributes:
        name: File name inside the folder in which its publisher's own library keeps it.
        url: Where it is downloaded from.
        checksum: "md5:..." or "sha256:...", as its publisher gives it: torchvision the first digits only.
        megabytes: Its size, for the message that announces a download.
        kept_by: "keras" or "torch": whose folder it is kept in, so that copies that are there already are found.
    """

    name: str
    url: str
    checksum: str
    megabytes: int
    kept_by: str = "keras"


@dataclass(frozen=True)
class Backbone:
    """A network without its classifier.

    Attributes:
        name: The name used in the YAML and as the name of the built `keras.Model`.
        blocks: Its blocks, bottom to top.
        num_features: Channels of its output.
        parameters: Weights without BatchNorm's moving statistics (as papers count).
        statistics: Moving statistics and constants of normalization layers.
        weights: The values that `weights` takes besides a file's path; the first is the default.
        weights_suffixes: The kinds of weights file that it reads.
        preprocessing: What happens to raw RGB 0-255 inside the model, in words.
        imagenet: The file behind `weights: imagenet`.
        input_size: Side of the images that it was trained on, in pixels.
        minimum_size: Smallest side that it can take, in pixels.
        size_step: The side must be a multiple of it.
        channels_first: Whether it can also be built channels first, as fast runtimes want it.
        extra: The extra of kbin's that brings its layers; "" for a network of stock layers.
    """

    name: str
    blocks: tuple[Block, ...]
    num_features: int
    parameters: int
    statistics: int
    weights: tuple[str, ...]
    weights_suffixes: tuple[str, ...]
    preprocessing: str
    imagenet: WeightsFile | None = None
    input_size: int = 224
    minimum_size: int = 32
    size_step: int = 1
    channels_first: bool = True
    extra: str = ""

    @property
    def units(self) -> tuple[str, ...]:
        """The stems of all layer names, bottom to top."""
        return tuple(unit for block in self.blocks for unit in block.units)

    def check_image_size(self, image_size: int) -> None:
        """Raises a ConfigError where the network cannot take images of this side, in pixels."""
        if image_size < self.minimum_size:
            raise ConfigError(f"image_size is {image_size}, but {self.name} needs at least {self.minimum_size} pixels.")
        if image_size % self.size_step:
            raise ConfigError(
                f"image_size is {image_size}, but {self.name} takes multiples of {self.size_step} pixels only."
            )

    def block_of(self, unit: str) -> str:
        """Returns the name of the block that holds `unit`."""
        return next(block.name for block in self.blocks if unit in block.units)

    def first_trainable_unit(self, train_blocks: int | str, train_from: str | None = None) -> str | None:
        """Returns the unit from which on the backbone is trained, None where it is frozen whole.

        Args:
            train_blocks: The number of blocks to train, counted from the top, or "all".
            train_from: A block or a finer cut point; it takes the place of `train_blocks`.

        Raises:
            ConfigError: The number is too large, or the cut point unknown.
        """
        if train_from is not None:
            by_name = {block.name: block.units[0] for block in self.blocks} | {unit: unit for unit in self.units}
            if train_from not in by_name:
                raise ConfigError(unknown_name(f"block of {self.name}", train_from, by_name))
            return by_name[train_from]
        if train_blocks == "all":
            return self.units[0]
        if not isinstance(train_blocks, int) or not 0 <= train_blocks <= len(self.blocks):
            raise ConfigError(
                f"train_blocks is {train_blocks!r}, but {self.name} has {len(self.blocks)} blocks: give 0 (all frozen) "
                f"to {len(self.blocks)}, or 'all'. Blocks: {', '.join(block.name for block in self.blocks)}."
            )
        return self.blocks[-train_blocks].units[0] if train_blocks else None


def _stage(name: str, letters: str) -> Block:
    """An EfficientNet stage: block2 holds block2a, block2b."""
    return Block(name, tuple(f"{name}{letter}" for letter in letters))


def _numbered(name: str, unit: str, count: int) -> Block:
    """A stage of numbered units: stage2 holds stage2_unit1 to stage2_unit4."""
    return Block(name, tuple(f"{name}_{unit}{number}" for number in range(1, count + 1)))


def _torchvision(name: str, megabytes: int) -> WeightsFile:
    """A file of torchvision's: the hexadecimal digits in its name are the first of its SHA-256."""
    return WeightsFile(
        name=name,
        url=f"https://download.pytorch.org/models/{name}",
        checksum=f"sha256:{name.removesuffix('.pth').rpartition('-')[2]}",
        megabytes=megabytes,
        kept_by="torch",
    )


def _single(*names: str) -> tuple[Block, ...]:
    return tuple(Block(name, (name,)) for name in names)


_KERAS_APPLICATIONS = "https://storage.googleapis.com/tensorflow/keras-applications"
_H5_SUFFIXES = (".h5", ".weights.h5")
_ALL_SUFFIXES = (".pth", ".pt", ".safetensors", *_H5_SUFFIXES)
_TORCHVISION_PREPROCESSING = "scaled to 0-1 and standardised by ImageNet's channels"
_SHUFFLENET_BLOCKS = (
    Block("conv1", ("conv1",)),
    _numbered("stage2", "unit", 4),
    _numbered("stage3", "unit", 8),
    _numbered("stage4", "unit", 4),
    Block("conv5", ("conv5",)),
)

BACKBONES: tuple[Backbone, ...] = (
    Backbone(
        name="ResNet50",
        blocks=(
            Block("conv1", ("conv1",)),
            _numbered("conv2", "block", 3),
            _numbered("conv3", "block", 4),
            _numbered("conv4", "block", 6),
            _numbered("conv5", "block", 3),
        ),
        num_features=2048,
        parameters=23_534_592,
        statistics=53_120,
        weights=(IMAGENET, NONE),
        weights_suffixes=_H5_SUFFIXES,
        preprocessing="RGB to BGR, ImageNet's channel means subtracted",
        imagenet=WeightsFile(
            name="resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
            url=f"{_KERAS_APPLICATIONS}/resnet/resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
            checksum="md5:4d473c1dd8becc155b73f8504c6f6626",
            megabytes=95,
        ),
    ),
    Backbone(
        name="ResNet18",
        blocks=(Block("conv1", ("conv1",)), *(_numbered(f"conv{n}", "block", 2) for n in range(2, 6))),
        num_features=512,
        parameters=11_176_512,
        statistics=9_600,
        weights=(IMAGENET, NONE),
        weights_suffixes=_ALL_SUFFIXES,
        preprocessing=_TORCHVISION_PREPROCESSING,
        imagenet=_torchvision("resnet18-f37072fd.pth", megabytes=47),
    ),
    Backbone(
        name="EfficientNetB0",
        blocks=(
            Block("stem", ("stem",)),
            _stage("block1", "a"),
            _stage("block2", "ab"),
            _stage("block3", "ab"),
            _stage("block4", "abc"),
            _stage("block5", "abc"),
            _stage("block6", "abcd"),
            _stage("block7", "a"),
            Block("top", ("top",)),
        ),
        num_features=1280,
        parameters=4_007_548,
        statistics=42_023,
        weights=(IMAGENET, NONE),
        weights_suffixes=_H5_SUFFIXES,
        preprocessing="scaled to 0-1 and standardised by ImageNet's channels, inside the network",
        imagenet=WeightsFile(
            name="efficientnetb0_notop.h5",
            url="https://storage.googleapis.com/keras-applications/efficientnetb0_notop.h5",
            checksum="md5:50bc09e76180e00e4465e1a485ddc09d",
            megabytes=17,
        ),
    ),
    Backbone(
        name="MobileNetV3Large",
        blocks=_single("conv", "expanded_conv", *(f"expanded_conv_{n}" for n in range(1, 15)), "conv_1"),
        num_features=960,
        parameters=2_971_952,
        statistics=24_400,
        weights=(IMAGENET, NONE),
        weights_suffixes=_H5_SUFFIXES,
        preprocessing="scaled to -1..1, inside the network",
        imagenet=WeightsFile(
            name="weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5",
            url=f"{_KERAS_APPLICATIONS}/mobilenet_v3/weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5",
            checksum="md5:07fb09a5933dd0c8eaafa16978110389",
            megabytes=13,
        ),
    ),
    Backbone(
        name="EfficientNetLite0",
        blocks=(
            Block("stem", ("stem",)),
            _stage("block1", "a"),
            _stage("block2", "ab"),
            _stage("block3", "ab"),
            _stage("block4", "abc"),
            _stage("block5", "abc"),
            _stage("block6", "abcd"),
            _stage("block7", "a"),
            Block("top", ("top",)),
        ),
        num_features=1280,
        parameters=3_371_008,
        statistics=42_016,
        weights=(PACKAGED, NONE),
        weights_suffixes=_ALL_SUFFIXES,
        preprocessing="(value - 127) / 128",
    ),
    Backbone(
        name="ShuffleNetV2x0_5",
        blocks=_SHUFFLENET_BLOCKS,
        num_features=1024,
        parameters=341_792,
        statistics=7_952,
        weights=(IMAGENET, NONE),
        weights_suffixes=_ALL_SUFFIXES,
        preprocessing=_TORCHVISION_PREPROCESSING,
        imagenet=_torchvision("shufflenetv2_x0.5-f707e7126e.pth", megabytes=6),
    ),
    Backbone(
        name="ShuffleNetV2x1_0",
        blocks=_SHUFFLENET_BLOCKS,
        num_features=1024,
        parameters=1_253_604,
        statistics=16_180,
        weights=(IMAGENET, NONE),
        weights_suffixes=_ALL_SUFFIXES,
        preprocessing=_TORCHVISION_PREPROCESSING,
        imagenet=_torchvision("shufflenetv2_x1-5666bf0f80.pth", megabytes=9),
    ),
    Backbone(
        name="SwinTiny",
        blocks=_single("patch_embedding", "stage_0", "stage_1", "stage_2", "stage_3", "norm"),
        num_features=768,
        parameters=27_519_354,
        statistics=0,
        weights=(IMAGENET, NONE),
        weights_suffixes=_ALL_SUFFIXES,
        preprocessing=_TORCHVISION_PREPROCESSING,
        imagenet=_torchvision("swin_t-704ceda3.pth", megabytes=113),
        minimum_size=224,
        size_step=224,
        channels_first=False,
        extra="hub",
    ),
    Backbone(
        name="SmallCNN",
        blocks=_single("conv1", "conv2", "conv3"),
        num_features=128,
        parameters=93_472,
        statistics=448,
        weights=(NONE,),
        weights_suffixes=_H5_SUFFIXES,
        preprocessing="scaled to 0-1",
    ),
)


def find_backbone(name: str) -> Backbone:
    """Returns the catalogue's row for `name`.

    Raises:
        ConfigError: No such backbone; the message lists those there are, nearest first.
    """
    for backbone in BACKBONES:
        if backbone.name == name:
            return backbone
    raise ConfigError(unknown_name("backbone", name, [backbone.name for backbone in BACKBONES]))
