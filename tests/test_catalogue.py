import pytest

from kbin.backbone_listing import backbone_lines, backbone_rows
from kbin.catalogue import BACKBONES, find_backbone
from kbin.errors import ConfigError

NAMES = [backbone.name for backbone in BACKBONES]


def test_an_unknown_backbone_is_refused_with_the_nearest_name():
    with pytest.raises(ConfigError, match=r"unknown backbone 'Resnet5'\. Did you mean 'ResNet50'\? Known: ResNet50, "):
        find_backbone("Resnet5")


@pytest.mark.parametrize(
    ("name", "blocks"),
    [
        ("ResNet50", "conv1 conv2 conv3 conv4 conv5"),
        ("EfficientNetB0", "stem block1 block2 block3 block4 block5 block6 block7 top"),
        ("EfficientNetLite0", "stem block1 block2 block3 block4 block5 block6 block7 top"),
        ("ResNet18", "conv1 conv2 conv3 conv4 conv5"),
        ("ShuffleNetV2x0_5", "conv1 stage2 stage3 stage4 conv5"),
        ("ShuffleNetV2x1_0", "conv1 stage2 stage3 stage4 conv5"),
        ("SwinTiny", "patch_embedding stage_0 stage_1 stage_2 stage_3 norm"),
        ("SmallCNN", "conv1 conv2 conv3"),
        (
            "MobileNetV3Large",
            "conv expanded_conv expanded_conv_1 expanded_conv_2 expanded_conv_3 expanded_conv_4 expanded_conv_5 "
            "expanded_conv_6 expanded_conv_7 expanded_conv_8 expanded_conv_9 expanded_conv_10 expanded_conv_11 "
            "expanded_conv_12 expanded_conv_13 expanded_conv_14 conv_1",
        ),
    ],
)
def test_blocks_are_those_of_the_contract_bottom_to_top(name, blocks):
    assert " ".join(block.name for block in find_backbone(name).blocks) == blocks


@pytest.mark.parametrize("name", NAMES)
def test_cut_points_are_unique_and_belong_to_one_block(name):
    backbone = find_backbone(name)
    assert len(set(backbone.units)) == len(backbone.units)
    assert [backbone.block_of(unit) for unit in backbone.units] == [
        block.name for block in backbone.blocks for _ in block.units
    ]


@pytest.mark.parametrize(
    ("train_blocks", "first"),
    [(0, None), (1, "conv5_block1"), (2, "conv4_block1"), (4, "conv2_block1"), (5, "conv1"), ("all", "conv1")],
)
def test_train_blocks_counts_from_the_top(train_blocks, first):
    assert find_backbone("ResNet50").first_trainable_unit(train_blocks) == first


@pytest.mark.parametrize(
    ("train_from", "first"), [("conv5", "conv5_block1"), ("conv5_block2", "conv5_block2"), ("conv1", "conv1")]
)
def test_train_from_takes_a_block_or_a_finer_cut_point(train_from, first):
    assert find_backbone("ResNet50").first_trainable_unit(0, train_from) == first


def test_an_unknown_block_is_refused_with_the_nearest_name():
    with pytest.raises(ConfigError, match=r"unknown block of ResNet50 'conv5_block9'\. Did you mean 'conv5_block"):
        find_backbone("ResNet50").first_trainable_unit(0, "conv5_block9")


@pytest.mark.parametrize("train_blocks", [6, -1, 1.0, "al"])
def test_a_number_of_blocks_that_the_backbone_lacks_is_refused(train_blocks):
    expected = rf"train_blocks is {train_blocks!r}, but ResNet50 has 5 blocks: give 0 \(all frozen\) to 5, or 'all'\."
    with pytest.raises(ConfigError, match=expected):
        find_backbone("ResNet50").first_trainable_unit(train_blocks)


def test_the_first_kind_of_weights_is_a_pretrained_one_and_the_file_behind_it_is_known():
    for backbone in BACKBONES:
        assert backbone.weights[0] in ("packaged", "imagenet") or backbone.name == "SmallCNN"
        assert (backbone.imagenet is not None) == ("imagenet" in backbone.weights)
        assert "none" in backbone.weights


def test_the_listing_names_every_backbone_with_blocks_and_parameters_in_80_columns():
    lines = backbone_lines()
    assert [line for line in lines if len(line) > 80] == []
    (resnet,) = [index for index, line in enumerate(lines) if line.startswith("ResNet50 ")]
    assert lines[resnet].split()[1:4] == ["23,534,592", "2,048", "224"]
    assert "conv1 conv2(conv2_block1..conv2_block3)" in lines[resnet + 1]
    assert [name for name in NAMES if any(line.startswith(f"{name} ") for line in lines)] == NAMES


def test_the_listing_as_rows_holds_the_cut_points():
    rows = {row["name"]: row for row in backbone_rows()}
    assert list(rows) == NAMES
    assert rows["ResNet50"]["blocks"][1] == {
        "name": "conv2",
        "cut_points": ["conv2_block1", "conv2_block2", "conv2_block3"],
    }


def test_the_listing_marks_the_weights_that_need_no_download():
    rows = {row["name"]: row for row in backbone_rows()}
    assert rows["EfficientNetLite0"]["weights_at_hand"] == ["packaged"]
    assert rows["ResNet50"]["weights_at_hand"] == []  # the tests' Keras folder is empty
    assert any("packaged*" in line for line in backbone_lines())
    assert not any("imagenet*" in line for line in backbone_lines())


def test_the_listing_says_what_a_backbone_needs_and_which_images_it_takes():
    lines = backbone_lines()
    (swin,) = [index for index, line in enumerate(lines) if line.startswith("SwinTiny ")]
    assert lines[swin + 1 : swin + 3] == ["    images: multiples of 224 pixels", "    needs: pip install 'kbin[hub]'"]
    assert {row["name"]: row["extra"] for row in backbone_rows() if row["extra"]} == {"SwinTiny": "hub"}


def test_torchvisions_files_are_checked_by_the_digits_in_their_names():
    files = {row.name: row.imagenet for row in BACKBONES if row.imagenet and row.imagenet.kept_by == "torch"}
    assert {name: (file.url, file.checksum) for name, file in files.items()} == {
        "ResNet18": ("https://download.pytorch.org/models/resnet18-f37072fd.pth", "sha256:f37072fd"),
        "ShuffleNetV2x0_5": (
            "https://download.pytorch.org/models/shufflenetv2_x0.5-f707e7126e.pth",
            "sha256:f707e7126e",
        ),
        "ShuffleNetV2x1_0": ("https://download.pytorch.org/models/shufflenetv2_x1-5666bf0f80.pth", "sha256:5666bf0f80"),
        "SwinTiny": ("https://download.pytorch.org/models/swin_t-704ceda3.pth", "sha256:704ceda3"),
    }
