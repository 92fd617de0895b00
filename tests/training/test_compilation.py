import keras
import numpy as np
import pytest
import torch

from kbin.config.training import TrainingConfig
from kbin.training.compilation import InFloat32, class_accuracy, compile_classifier
from tests.networks import calibrated_classifier


def compiled(model: keras.Model, steps_per_epoch: int = 1, **settings) -> keras.Model:
    compile_classifier(model, TrainingConfig(**{"learning_rate": 0.02, **settings}), steps_per_epoch)
    return model


class TestLoss:
    """Expected values by hand, for a positive image with probability .8 and a negative one with .4."""

    OUTPUTS = np.array([[0.8], [0.4]])
    TRUE = np.array([[1.0], [0.0]])

    @pytest.mark.parametrize(
        ("settings", "expected"),
        [
            ({}, (-np.log(0.8) - np.log(0.6)) / 2),
            # Lin et al. 2017, equation 4: -(1 - p)^gamma log p of the true class's probability p
            ({"loss": "focal"}, (-(0.2**2) * np.log(0.8) - 0.4**2 * np.log(0.6)) / 2),
            ({"loss": "focal", "focal_gamma": 1.0}, (-0.2 * np.log(0.8) - 0.4 * np.log(0.6)) / 2),
            ({"loss": "squared_error"}, (0.2**2 + 0.4**2) / 2),
        ],
    )
    def test_of_a_sigmoid_output_and_of_two_softmax_outputs(self, make_model, settings, expected):
        sigmoid, softmax = compiled(make_model(1), **settings), compiled(make_model(2), **settings)
        both = np.hstack([1 - self.OUTPUTS, self.OUTPUTS]), np.hstack([1 - self.TRUE, self.TRUE])
        assert float(sigmoid.loss(self.TRUE, self.OUTPUTS)) == pytest.approx(expected, rel=1e-5)
        assert float(softmax.loss(both[1], both[0])) == pytest.approx(expected, rel=1e-5)


class TestAccuracy:
    def test_counts_the_class_with_the_largest_share(self):
        mixed = np.array([[0.7], [0.3], [0.6]], np.float32)
        assert class_accuracy(mixed, np.array([[0.9], [0.2], [0.4]], np.float32)).tolist() == [1, 1, 0]
        rows = np.array([[0.6, 0.1, 0.3], [0.0, 0.0, 1.0]], np.float32)
        assert class_accuracy(rows, np.array([[0.5, 0.3, 0.2], [0.1, 0.5, 0.4]], np.float32)).tolist() == [1, 0]


class TestSchedule:
    def rates(self, make_model, steps, **settings):
        model = compiled(make_model(), steps_per_epoch=5, epochs=4, **settings)
        schedule = model.optimizer._learning_rate
        return [float(schedule(step)) for step in steps]

    def test_warm_up_rises_linearly_to_the_rate_that_then_stays(self, make_model):
        rates = self.rates(make_model, (0, 5, 10, 19), warmup_epochs=2)
        assert rates == pytest.approx([0.002, 0.011, 0.02, 0.02])

    def test_cosine_begins_after_the_warm_up_and_ends_at_0(self, make_model):
        rates = self.rates(make_model, (0, 5, 10, 15, 20), warmup_epochs=2, schedule="cosine")
        assert rates == pytest.approx([0.002, 0.011, 0.02, 0.01, 0.0], abs=1e-7)


class TestWeightDecay:
    def test_leaves_batch_normalization_alone(self):
        model = compiled(calibrated_classifier("EfficientNetLite0", 32, train_blocks=1), weight_decay=0.5)
        optimizer = model.optimizer
        optimizer.build(model.trainable_variables)
        decays = {weight.path: optimizer._use_weight_decay(weight) for weight in model.trainable_variables}
        assert {path for path, decays_it in decays.items() if not decays_it} == {"top_bn/gamma", "top_bn/beta"}
        assert {"top_conv/kernel", "head_output/kernel"} <= {path for path, decays_it in decays.items() if decays_it}


def test_the_backbone_moves_at_its_own_rate_and_the_head_at_the_head_s():
    """With momentum, a first step of SGD is the gradient times the rate."""
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype(np.float32)
    moved = {}
    for backbone_rate in (None, 0.2):
        model = calibrated_classifier("EfficientNetLite0", 32, seed=3, train_blocks=1)
        before = [keras.ops.convert_to_numpy(weight).copy() for weight in model.trainable_variables]
        compiled(model, optimizer="sgd", weight_decay=0.0, learning_rate=2.0, backbone_learning_rate=backbone_rate)
        keras.utils.set_random_seed(0)
        model.train_on_batch(images, np.array([[0.0], [1.0], [1.0], [0.0]]))
        moved[backbone_rate] = {
            weight.path: keras.ops.convert_to_numpy(weight) - old
            for weight, old in zip(model.trainable_variables, before, strict=True)
        }
    assert np.abs(moved[None]["top_conv/kernel"]).max() > 1e-6
    for path, change in moved[None].items():
        share = 1.0 if path.startswith("head") else 0.1
        np.testing.assert_allclose(moved[0.2][path], share * change, rtol=1e-4, atol=2e-7)


class TestArithmetic:
    def test_in_bfloat16_products_are_rounded_and_the_loss_is_not(self, make_model):
        """On a GPU autocast refuses binary cross-entropy; on a CPU it can be seen whether it was on."""
        seen = {}

        class Seen(keras.losses.BinaryCrossentropy):
            def call(self, y_true, y_pred):
                seen["loss"] = (torch.is_autocast_enabled("cpu"), y_pred.dtype)
                return super().call(y_true, y_pred)

        model = compiled(make_model(), precision="bfloat16")
        images = np.random.default_rng(0).uniform(0, 255, (4, *model.input_shape[1:])).astype(np.float32)
        wrapped = InFloat32(Seen())
        with torch.autocast("cpu", torch.bfloat16):
            outputs = model(images)
            value = wrapped(np.zeros((4, 1), np.float32), outputs)
        rounding = (outputs - model(images)).abs().max().item()
        assert 1e-6 < rounding < 0.05
        assert seen["loss"] == (False, torch.float32)
        assert value.item() == pytest.approx(-np.log(1 - outputs.detach().numpy()).mean(), rel=1e-5)
        assert isinstance(model.loss, InFloat32)
