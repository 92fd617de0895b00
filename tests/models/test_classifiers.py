import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from kbin.catalogue import BACKBONES
from kbin.errors import ConfigError
from kbin.models.classifiers import build_classifier
from tests.networks import calibrated_classifier, random_images

STOCK = [backbone for backbone in BACKBONES if not backbone.extra]

_OPEN_AND_PREDICT = """
import sys
import keras, numpy
folder, *names = sys.argv[1:]
for name in names:
    model = keras.saving.load_model(f"{folder}/{name}.keras")
    numpy.save(f"{folder}/{name}.npy", model.predict_on_batch(numpy.load(f"{folder}/images.npy")))
assert not any(module.split(".")[0] == "kbin" for module in sys.modules)
"""


def _head(model: keras.Model) -> list[tuple[str, str]]:
    layers = model.layers[[layer.name for layer in model.layers].index("head_pool") :]
    return [(type(layer).__name__, layer.name) for layer in layers]


def test_two_classes_get_one_sigmoid_output():
    model = build_classifier("EfficientNetLite0", weights="none", image_size=32)
    assert model.output_shape == (None, 1)
    assert model.get_layer("head_output").activation is keras.activations.sigmoid


def test_more_classes_get_a_softmax_output_each():
    model = build_classifier("EfficientNetLite0", weights="none", num_classes=4, image_size=32)
    assert model.output_shape == (None, 4)
    assert model.get_layer("head_output").activation is keras.activations.softmax


def test_two_classes_take_softmax_on_request():
    model = build_classifier("EfficientNetLite0", weights="none", output="softmax", image_size=32)
    assert model.output_shape == (None, 2)
    assert model.get_layer("head_output").activation is keras.activations.softmax


def test_the_head_is_pooling_standardisation_hidden_layers_each_with_dropout_and_output():
    model = build_classifier(
        "EfficientNetLite0", weights="none", standardize=True, hidden_units=(8, 4), dropout=0.3, image_size=32
    )
    assert _head(model) == [
        ("GlobalAveragePooling2D", "head_pool"),
        ("Normalization", "head_standardize"),
        ("Dense", "head_dense_1"),
        ("Dropout", "head_dropout_1"),
        ("Dense", "head_dense_2"),
        ("Dropout", "head_dropout_2"),
        ("Dense", "head_output"),
    ]
    assert [model.get_layer(f"head_dense_{number}").units for number in (1, 2)] == [8, 4]
    assert model.get_layer("head_dense_1").activation is keras.activations.relu
    assert model.get_layer("head_dropout_2").rate == 0.3


def test_without_hidden_layers_dropout_stands_before_the_output():
    model = build_classifier("EfficientNetLite0", weights="none", dropout=0.3, image_size=32)
    assert [name for _, name in _head(model)] == ["head_pool", "head_dropout", "head_output"]


def test_saved_models_open_in_a_process_without_kbin_and_predict_the_same(tmp_path):
    images = random_images(4, seed=1)
    np.save(tmp_path / "images.npy", images)
    expected = {}
    for backbone in STOCK:
        model = calibrated_classifier(backbone.name, train_blocks=1, standardize=True, hidden_units=(4,), dropout=0.5)
        model.save(tmp_path / f"{backbone.name}.keras")
        expected[backbone.name] = model.predict_on_batch(images)
        assert np.ptp(expected[backbone.name]) > 0.01
    subprocess.run(
        [sys.executable, "-c", _OPEN_AND_PREDICT, str(tmp_path), *expected],
        env={**os.environ, "KERAS_BACKEND": "torch"},
        cwd=tmp_path,
        check=True,
    )
    for name, predictions in expected.items():
        np.testing.assert_allclose(np.load(tmp_path / f"{name}.npy"), predictions, atol=1e-6, err_msg=name)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_classes": 1}, r"num_classes is 1; a classifier needs at least 2"),
        ({"num_classes": 4, "output": "sigmoid"}, r"a sigmoid output tells two classes apart, but num_classes is 4"),
        ({"output": "tanh"}, r"output is 'tanh'; allowed: sigmoid \(two classes\), softmax"),
        ({"train_blocks": 6}, r"train_blocks is 6, but ResNet50 has 5 blocks: give 0 .* to 5, or 'all'"),
        ({"train_blocks": -1}, r"train_blocks is -1, but ResNet50 has 5 blocks"),
        ({"train_blocks": "top"}, r"train_blocks is 'top', but .*Blocks: conv1, conv2, conv3, conv4, conv5"),
        ({"train_from": "conv5_block_2"}, r"unknown block of ResNet50 'conv5_block_2'\. Did you mean 'conv5_block2'\?"),
        ({"image_size": 16}, r"image_size is 16, but ResNet50 needs at least 32 pixels"),
    ],
)
def test_a_setting_that_is_not_allowed_is_refused_with_what_is(settings, message):
    with pytest.raises(ConfigError, match=message):
        build_classifier("ResNet50", weights="none", **settings)


def test_an_unknown_backbone_is_refused():
    with pytest.raises(ConfigError, match=r"unknown backbone 'VGG16'\. Known: "):
        build_classifier("VGG16", weights="none")
