import keras
import numpy as np
import pytest

from kbin.models.standardization import standardize_on


@pytest.fixture
def standardization() -> keras.Model:
    """A model that is one Normalization layer over two features."""
    return keras.Sequential([keras.Input((2,)), keras.layers.Normalization(name="head_standardize")])


def test_training_features_leave_with_mean_0_and_variance_1(standardization):
    features = np.random.default_rng(0).normal([3.0, -50.0], [1.0, 2.0], (500, 2)).astype(np.float32)
    standardize_on(standardization.layers[0], [features])
    standardised = standardization.predict_on_batch(features)
    np.testing.assert_allclose(standardised.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(standardised.std(axis=0), 1, atol=1e-4)


def test_other_features_are_measured_by_the_training_set(standardization):
    standardize_on(standardization.layers[0], [np.array([[1.0, 10.0], [3.0, 14.0]], np.float32)])
    # Means 2 and 12; standard deviations 1 and 2.
    np.testing.assert_allclose(standardization.predict_on_batch(np.array([[5.0, 8.0]])), [[3.0, -2.0]], rtol=1e-6)


def test_a_feature_that_hardly_varies_is_not_magnified_beyond_a_share_of_the_mean_variance(standardization):
    standardize_on(standardization.layers[0], [np.array([[0.0, 1.0], [0.0, 3.0]], np.float32)])
    # Variances 0 and 1, mean .5, of which 5 % are .025: the first feature is divided by its root, .15811.
    np.testing.assert_allclose(standardization.predict_on_batch(np.array([[0.5, 2.0]])), [[3.16228, 0.0]], atol=1e-5)


def test_a_feature_stuck_at_a_value_that_float32_rounds_does_not_explode(standardization):
    features = np.full((1000, 2), [0.1, 123.456], np.float32)
    standardize_on(standardization.layers[0], [features])
    np.testing.assert_allclose(standardization.predict_on_batch(features[:1] + 1), [[1.0, 1.0]], atol=1e-4)


def test_the_constants_survive_saving(standardization, tmp_path):
    standardize_on(standardization.layers[0], [np.array([[1.0, 10.0], [3.0, 14.0]], np.float32)])
    standardization.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.predict_on_batch(np.array([[5.0, 8.0]])), [[3.0, -2.0]], rtol=1e-6)
