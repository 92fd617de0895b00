import keras
import numpy as np
import pytest

from kbin.catalogue import find_backbone
from kbin.errors import ConfigError
from kbin.models.classifiers import build_classifier
from kbin.models.parameters import BlockParameters, parameter_table

# Weights of the published "notop" networks, moving statistics included (keras.io, and the TPU repository's Lite0
# of 4,652,008 - 1,281,000 of the classifier + 42,016 statistics).
_PUBLISHED = {
    "ResNet50": 23_587_712,
    "EfficientNetB0": 4_049_571,
    "MobileNetV3Large": 2_996_352,
    "EfficientNetLite0": 4_652_008 - 1_281_000 + 42_016,
    # torchvision counts its classifier of 1000 classes, but no statistics: two for each of its BatchNorms' channels.
    "ResNet18": 11_689_512 - 513_000 + 9_600,
    "ShuffleNetV2x0_5": 1_366_792 - 1_025_000 + 7_952,
    "ShuffleNetV2x1_0": 2_278_604 - 1_025_000 + 16_180,
    # Convolutions of 3 x 3, then four numbers a channel.
    "SmallCNN": 9 * (3 * 32 + 32 * 64 + 64 * 128) + 4 * (32 + 64 + 128),
}
_STATISTICS = ("moving_mean", "moving_variance", "mean", "variance", "count")


def _study_4(train_blocks: int, backbone: str = "EfficientNetB0") -> keras.Model:
    """A backbone with three fully connected layers: features -> 1024 -> 512 -> 4."""
    return build_classifier(
        backbone,
        weights="none",
        train_blocks=train_blocks,
        hidden_units=(1024, 512),
        num_classes=4,
        image_size=32,
    )


@pytest.mark.parametrize(
    ("backbone", "train_blocks", "trainable", "non_trainable"),
    [
        ("EfficientNetB0", 0, 1_838_596, 4_007_548),
        ("EfficientNetB0", 1, 2_250_756, 3_595_388),
        ("EfficientNetB0", 2, 2_967_988, 2_878_156),
        ("ShuffleNetV2x1_0", 0, 1_576_452, 1_253_604),
        ("ShuffleNetV2x1_0", 1, 2_053_636, 776_420),
        ("ShuffleNetV2x1_0", 2, 2_554_988, 275_068),
    ],
)
def test_study_4_counts_the_published_parameters_at_each_depth(backbone, train_blocks, trainable, non_trainable):
    table = parameter_table(_study_4(train_blocks, backbone))
    assert table.as_dict() == {
        "total": {"EfficientNetB0": 5_846_144, "ShuffleNetV2x1_0": 2_830_056}[backbone],
        "trainable": trainable,
        "non_trainable": non_trainable,
        "statistics": find_backbone(backbone).statistics,
    }


def test_the_head_of_study_4_counts_as_worked_out_by_hand():
    head = parameter_table(_study_4(0)).rows[-1]
    parameters = 1280 * 1024 + 1024 + 1024 * 512 + 512 + 512 * 4 + 4
    assert head == BlockParameters("head", parameters, trainable=parameters, statistics=0)


def test_the_catalogue_counts_what_the_network_holds(backbone, network):
    statistics = sum(np.prod(w.shape, dtype=int) for w in network.weights if w.name in _STATISTICS)
    assert backbone.statistics == statistics
    assert backbone.parameters == network.count_params() - statistics
    assert backbone.num_features == network.output_shape[-1]
    assert network.count_params() == _PUBLISHED[backbone.name]


def test_the_table_has_a_row_a_block_and_their_sums_are_the_networks(backbone, network):
    table = parameter_table(network)
    assert [row.block for row in table.rows if row.block != "preprocessing"] == [b.name for b in backbone.blocks]
    assert (table.total, table.statistics) == (backbone.parameters, backbone.statistics)


def test_a_table_of_a_model_read_from_its_file_is_the_same(tmp_path):
    model = build_classifier("MobileNetV3Large", weights="none", train_blocks=2, dropout=0.5, image_size=32)
    model.save(tmp_path / "model.keras")
    assert parameter_table(keras.saving.load_model(tmp_path / "model.keras")) == parameter_table(model)


def test_constants_of_a_standardised_head_are_statistics():
    plain, standardised = (
        parameter_table(build_classifier("EfficientNetLite0", weights="none", standardize=standardize, image_size=32))
        for standardize in (False, True)
    )
    assert standardised.total == plain.total
    assert standardised.trainable == plain.trainable == 1280 + 1
    assert standardised.statistics == plain.statistics + 1280 + 1280 + 1  # means, variances, and their count


def test_the_table_prints_a_line_a_block_and_the_sums():
    model = build_classifier("EfficientNetLite0", weights="none", train_blocks=1, image_size=32)
    lines = [line.split() for line in str(parameter_table(model)).splitlines()]
    assert lines[0] == ["block", "parameters", "trainable", "statistics"]
    # top: 320 x 1280 weights of the convolution, and 1280 scales and offsets.
    assert lines[-3] == ["top", "412,160", "412,160", "2,560"]
    assert lines[-2] == ["head", "1,281", "1,281", "0"]
    assert lines[-1] == ["total", "3,372,289", "413,441", "42,016"]


def test_a_model_of_someone_elses_has_no_table():
    with pytest.raises(ConfigError, match=r"the model 'mine' has no blocks that kbin knows"):
        parameter_table(keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)], name="mine"))
