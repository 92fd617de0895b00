import keras
import pytest

from kbin.errors import ConfigError
from kbin.models.blocks import PREPROCESSING, placed_layers
from kbin.models.builders import build_backbone
from kbin.models.classifiers import build_classifier


def test_every_unit_of_the_catalogue_names_a_layer(backbone, network):
    named = {placed.unit for placed in placed_layers(network) if placed.operation.name.startswith(placed.unit)}
    assert named == set(backbone.units)


def test_units_follow_each_other_in_graph_order(backbone, network):
    units = [placed.unit for placed in placed_layers(network)]
    assert list(dict.fromkeys(units)) == [PREPROCESSING, *backbone.units]
    depths = [placed.depth for placed in placed_layers(network)]
    assert depths == sorted(depths)


def test_one_tensor_alone_crosses_each_cut_point_and_it_is_what_the_last_layer_below_returns(backbone, network):
    placed = placed_layers(network)
    for depth in range(len(backbone.units)):
        below = {p.operation.name for p in placed if p.depth < depth}
        crossing = {
            tensor._keras_history.operation.name
            for p in placed
            if p.depth >= depth
            for node in p.operation._inbound_nodes[:1]
            for tensor in node.input_tensors
            if tensor._keras_history.operation.name in below
        }
        last = [p.operation.name for p in placed if p.depth < depth][-1]
        assert crossing == {last}, backbone.units[depth]


_PLACES = {
    "ResNet50": {
        "pool1_pool": "conv1",
        "conv2_block1_0_conv": "conv2_block1",
        "conv5_block3_out": "conv5_block3",
    },
    "EfficientNetB0": {"stem_conv_pad": "stem", "block6d_add": "block6d", "top_activation": "top"},
    "MobileNetV3Large": {
        "conv_bn": "conv",
        "expanded_conv_depthwise": "expanded_conv",
        "expanded_conv_1_expand": "expanded_conv_1",
        "expanded_conv_10_expand": "expanded_conv_10",
        "conv_1_bn": "conv_1",
    },
    "ResNet18": {"conv1_pool": "conv1", "conv3_block1_0_bn": "conv3_block1", "conv5_block2_out": "conv5_block2"},
    "ShuffleNetV2x0_5": {"stage2_unit1_past_dwconv": "stage2_unit1", "stage4_unit4_shuffle": "stage4_unit4"},
    "ShuffleNetV2x1_0": {"conv1_pool_pad": "conv1", "stage3_unit8_input": "stage3_unit8", "conv5_relu": "conv5"},
    "SmallCNN": {"conv1_pool": "conv1", "conv2_conv": "conv2"},
    "EfficientNetLite0": {"stem_activation": "stem", "block3b_drop": "block3b", "top_conv": "top"},
}


def test_a_layer_belongs_to_the_longest_unit_that_its_name_begins_with(backbone, network):
    unit_of = {p.operation.name: p.unit for p in placed_layers(network)}
    expected = _PLACES[backbone.name]
    assert {name: unit_of[name] for name in expected} == expected


def test_layers_that_keras_numbers_through_are_placed_by_the_graph():
    first, second = (placed_layers(build_backbone("MobileNetV3Large", "none", 32)) for _ in range(2))
    assert [p.operation.name for p in first] != [p.operation.name for p in second]  # activation_7, then activation_27
    assert [p.unit for p in first] == [p.unit for p in second]
    by_name = {p.operation.name: p.unit for p in first}
    of_block = [name for name, unit in by_name.items() if unit == "expanded_conv_6"]
    assert sum(name.startswith("activation") for name in of_block) == 2  # after expansion and depthwise convolution


def test_the_head_lies_above_the_last_block():
    model = build_classifier("EfficientNetLite0", weights="none", hidden_units=(4,), dropout=0.5, image_size=32)
    head = [p.operation.name for p in placed_layers(model) if p.unit == "head"]
    assert head == ["head_pool", "head_dense_1", "head_dropout_1", "head_output"]
    assert [p.operation.name for p in placed_layers(model)][-4:] == head


def test_a_model_of_someone_elses_has_no_blocks():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)], name="mine")
    with pytest.raises(ConfigError, match=r"'mine' has no blocks that kbin knows: build it with kbin.build_classifier"):
        placed_layers(model)
