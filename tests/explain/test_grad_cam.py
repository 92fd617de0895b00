from typing import Any

import keras
import numpy as np
import pytest
import torch
from keras import layers

from kbin.errors import ConfigError
from kbin.explain.feature_maps import cut_at_map, why_no_map
from kbin.explain.grad_cam import activation_maps, grad_cam
from kbin.models.classifiers import build_classifier
from tests.networks import calibrated_classifier, random_images


def pixel_network(kernel: np.ndarray, head: np.ndarray, activation: str = "sigmoid", **dense: Any) -> keras.Model:
    """Images -> a 1 x 1 convolution without ReLU -> global mean -> one layer: every gradient can be done by hand."""
    images = keras.Input((4, 4, 3))
    x = layers.Conv2D(kernel.shape[1], 1, use_bias=False, name="map")(images)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(images, layers.Dense(head.shape[1], activation=activation, use_bias=False, **dense)(x))
    model.layers[1].set_weights([kernel[None, None]])
    model.layers[-1].set_weights([head])
    return model


IMAGES = np.random.default_rng(3).uniform(0, 1, (2, 4, 4, 3)).astype(np.float32)
KERNEL = np.array([[1.0, 0.5], [0.0, -1.0], [2.0, 0.25]], np.float32)


def test_the_map_of_a_network_worked_by_hand():
    # Score = sum over channels of head * mean over 16 places, so each weight of equation 1 is head / 16.
    model = pixel_network(KERNEL, np.array([[2.0], [-3.0]], np.float32))
    maps = IMAGES @ KERNEL
    expected = np.maximum((2 * maps[..., 0] - 3 * maps[..., 1]) / 16, 0)
    got = activation_maps(cut_at_map(model), IMAGES, np.array([1, 1]))
    np.testing.assert_allclose(got.numpy(), expected, atol=1e-6)
    scaled = expected / expected.max(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(grad_cam(model, IMAGES, 1), scaled, atol=1e-6)


def test_the_other_class_of_a_sigmoid_has_the_sign_changed():
    model = pixel_network(KERNEL, np.array([[2.0], [-3.0]], np.float32))
    maps = IMAGES @ KERNEL
    expected = np.maximum(-(2 * maps[..., 0] - 3 * maps[..., 1]) / 16, 0)
    np.testing.assert_allclose(activation_maps(cut_at_map(model), IMAGES, np.array([0, 0])), expected, atol=1e-6)


def test_without_a_class_the_answer_is_explained():
    model = pixel_network(KERNEL, np.array([[2.0], [-3.0]], np.float32))
    answers = (model.predict_on_batch(IMAGES)[:, 0] >= 0.5).astype(int)
    np.testing.assert_array_equal(grad_cam(model, IMAGES), grad_cam(model, IMAGES, answers))
    softmax = pixel_network(KERNEL, np.array([[2.0, 0.0, 1.0], [-3.0, 0.5, 1.0]], np.float32), "softmax")
    answers = softmax.predict_on_batch(IMAGES).argmax(axis=1)
    np.testing.assert_array_equal(grad_cam(softmax, IMAGES), grad_cam(softmax, IMAGES, answers))


def test_a_softmax_class_is_explained_by_its_own_score_before_the_softmax():
    head = np.array([[2.0, 0.0, 1.0], [-3.0, 0.5, 1.0]], np.float32)
    maps = IMAGES @ KERNEL
    expected = np.maximum((maps * head[:, 2]).sum(axis=-1) / 16, 0)
    got = activation_maps(cut_at_map(pixel_network(KERNEL, head, "softmax")), IMAGES, np.array([2, 2]))
    np.testing.assert_allclose(got, expected, atol=1e-6)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_saturated_probability_is_explained_all_the_same(sign):
    # Scores near 1,000: in float32 the probability is exactly 0 or 1, and its gradient 0.
    model = pixel_network(KERNEL, sign * np.array([[2000.0], [0.0]], np.float32))
    assert set(model.predict_on_batch(IMAGES)[:, 0]) == {float(sign > 0)}
    first = (IMAGES @ KERNEL)[..., 0]
    np.testing.assert_allclose(grad_cam(model, IMAGES), first / first.max(axis=(1, 2), keepdims=True), atol=1e-5)


def by_hand(weights: dict[str, torch.Tensor], image: torch.Tensor, output: int) -> np.ndarray:
    """Grad-CAM of convolution, ReLU, strided convolution, ReLU, mean, hidden layer, output: plain torch, one image."""
    x = torch.relu(torch.nn.functional.conv2d(image[None], weights["first"], padding=1))
    x = torch.relu(torch.nn.functional.conv2d(x, weights["second"], stride=2))
    x.requires_grad_(True)
    hidden = torch.relu(x.mean(dim=(2, 3)) @ weights["hidden"])
    (hidden @ weights["output"])[0, output].backward()
    cam = torch.zeros(x.shape[2:])
    for channel in range(x.shape[1]):
        cam += x.grad[0, channel].mean() * x[0, channel].detach()
    return cam.clamp(min=0).numpy()


def test_maps_are_those_of_plain_torch_on_a_deeper_network_with_dropout_and_a_normalization():
    generator = np.random.default_rng(0)
    images = keras.Input((8, 8, 3))
    x = layers.Conv2D(5, 3, padding="same", activation="relu", use_bias=False)(images)
    x = layers.Conv2D(6, 2, strides=2, activation="relu", use_bias=False)(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Normalization(mean=[0.0] * 6, variance=[1.0] * 6)(x)
    x = layers.Dense(7, activation="relu", use_bias=False)(x)
    x = layers.Dropout(0.9)(x)
    model = keras.Model(images, layers.Dense(3, activation="softmax", use_bias=False)(x))
    shapes = [(3, 3, 3, 5), (2, 2, 5, 6), (6, 7), (7, 3)]
    drawn = [generator.normal(size=shape).astype(np.float32) for shape in shapes]
    for layer, value in zip([one for one in model.layers if one.trainable_weights], drawn, strict=True):
        layer.set_weights([value])
    weights = {
        "first": torch.tensor(drawn[0].transpose(3, 2, 0, 1).copy()),
        "second": torch.tensor(drawn[1].transpose(3, 2, 0, 1).copy()),
        "hidden": torch.tensor(drawn[2]),
        "output": torch.tensor(drawn[3]),
    }
    pictures = generator.normal(size=(4, 8, 8, 3)).astype(np.float32)
    classes = np.array([0, 1, 2, 1])
    expected = [
        by_hand(weights, torch.tensor(picture.transpose(2, 0, 1).copy()), label)
        for picture, label in zip(pictures, classes, strict=True)
    ]
    got = activation_maps(cut_at_map(model), pictures, classes)
    assert got.max() > 0.01
    np.testing.assert_allclose(got.numpy(), np.stack(expected), rtol=1e-4, atol=1e-6)


def test_the_map_is_brightest_where_the_class_is():
    """One blob of light in a corner makes an image positive; the others are dark noise."""
    generator = np.random.default_rng(1)
    pictures = generator.uniform(0, 0.2, (200, 16, 16, 1)).astype(np.float32)
    labels = np.arange(200) % 2
    corners = generator.integers(0, 2, (200, 2))
    for picture, label, (row, column) in zip(pictures, labels, corners, strict=True):
        if label:
            picture[row * 12 : row * 12 + 4, column * 12 : column * 12 + 4] += 0.8
    model = keras.Sequential(
        [
            keras.Input((16, 16, 1)),
            layers.Conv2D(4, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(8, 3, padding="same", activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss="binary_crossentropy")
    model.fit(pictures, labels, epochs=12, batch_size=20, verbose=0)
    shown = np.flatnonzero(labels)[:20]
    assert (model.predict_on_batch(pictures[shown]) > 0.5).all()
    heat = grad_cam(model, pictures[shown], 1)
    for one, (row, column) in zip(heat, corners[shown], strict=True):
        top, left = np.unravel_index(one.argmax(), one.shape)
        assert (top >= 8, left >= 8) == (bool(row), bool(column))


@pytest.mark.parametrize("head", [{}, {"standardize": True, "hidden_units": (8,), "dropout": 0.5}, {"num_classes": 3}])
@pytest.mark.parametrize("backbone", ["SmallCNN", "EfficientNetLite0"])
def test_every_head_of_a_classifier_of_kbin_has_maps_and_nothing_of_it_is_changed(backbone, head):
    model = calibrated_classifier(backbone, 64, **head)
    images = random_images(3, 64)
    before = [weight.numpy().copy() for weight in model.weights]
    settings = model.get_config()
    outputs = model.predict_on_batch(images)

    heat = grad_cam(model, images, batch_size=2)

    assert heat.shape == (3, 64, 64)
    assert ((heat >= 0) & (heat <= 1)).all()
    assert all(one.max() in (0, 1) for one in heat)
    # Dropout would move it; another size of batch moves the last digits only.
    np.testing.assert_allclose(grad_cam(model, images), heat, atol=1e-5)
    for old, weight in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(old, weight.numpy())
    assert model.get_config() == settings
    np.testing.assert_array_equal(model.predict_on_batch(images), outputs)


def test_the_map_of_a_classifier_of_kbin_is_what_its_pooling_takes():
    model = build_classifier("SmallCNN", image_size=64)
    assert cut_at_map(model).below.output is model.get_layer("head_pool").input


def test_a_pooled_vector_that_is_kept_as_pixels_is_no_map():
    images = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="map")(images)
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Conv2D(5, 1, activation="relu")(x)
    x = layers.Flatten()(x)
    model = keras.Model(images, layers.Dense(2, activation="softmax")(x))
    assert cut_at_map(model).below.output is model.get_layer("map").output


def without_a_map() -> keras.Model:
    features = keras.Input((5,))
    return keras.Model(features, layers.Dense(1, activation="sigmoid")(features), name="head")


def with_one_cell() -> keras.Model:
    return build_classifier("MobileNetV3Large", weights="none", image_size=32)


def around_the_map() -> keras.Model:
    images = keras.Input((8, 8, 3))
    pooled = layers.GlobalAveragePooling2D()(images)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(images))
    return keras.Model(images, layers.Dense(1)(layers.Concatenate()([pooled, x])), name="two_ways")


class Subclassed(keras.Model):
    def call(self, inputs):
        return inputs


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (without_a_map, r"no layer of 'head' gives a map of shape \(batch, height, width, channels\)"),
        (with_one_cell, "the last feature map of 'MobileNetV3Large' has 1 x 1 cells, too few to show a place"),
        (around_the_map, "not everything in 'two_ways' goes through its last feature map"),
        (lambda: Subclassed(name="own"), "'own' is no functional model"),
    ],
)
def test_a_model_without_a_feature_map_is_a_stated_outcome(build, reason):
    with pytest.raises(ConfigError, match=f"Grad-CAM needs a feature map: {reason}"):
        grad_cam(build(), IMAGES)


def test_a_model_with_a_feature_map_has_no_reason_against_it():
    assert why_no_map(build_classifier("SmallCNN", image_size=32)) is None


@pytest.mark.parametrize("index", [2, -1])
def test_a_class_that_the_model_does_not_know_is_refused(index):
    model = pixel_network(KERNEL, np.array([[2.0], [-3.0]], np.float32))
    with pytest.raises(ConfigError, match="class_index must lie between 0 and 1"):
        grad_cam(model, IMAGES, index)


def test_no_image_has_no_map():
    model = pixel_network(KERNEL, np.array([[2.0], [-3.0]], np.float32))
    assert grad_cam(model, IMAGES[:0]).shape == (0, 4, 4)
