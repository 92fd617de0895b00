import keras
import pytest

from kbin.errors import ConfigError
from kbin.models.classifiers import build_classifier
from kbin.models.memory import Memory, memory_table


@pytest.mark.parametrize(("backbone", "weights_mb"), [("EfficientNetB0", 22.30), ("ShuffleNetV2x1_0", 10.80)])
def test_study_4_counts_the_published_megabytes(backbone, weights_mb):
    model = build_classifier(backbone, weights="none", hidden_units=(1024, 512), num_classes=4)
    memory = memory_table(model)
    assert round(memory.weights_mb, 2) == weights_mb
    assert round(memory.input_mb, 2) == 0.57  # 224 x 224 x 3 numbers of 4 bytes


def test_every_output_counts_once_as_worked_out_by_hand():
    model = build_classifier("SmallCNN", weights="none", hidden_units=(256,), image_size=32)
    # Scaling; three stages of convolution, BatchNorm and ReLU at 32, 16 and 8 pixels, each pooled to a quarter;
    # then pooling, hidden layer and output.
    numbers = 32**2 * 3
    numbers += 3.25 * (32**2 * 32 + 16**2 * 64 + 8**2 * 128)
    numbers += 128 + 256 + 1
    weights = 93_472 + 128 * 256 + 256 + 256 + 1
    assert memory_table(model) == Memory(32**2 * 3 * 4 / 2**20, numbers * 4 / 2**20, weights * 4 / 2**20)


def test_freezing_and_reading_from_a_file_change_nothing(tmp_path):
    model = build_classifier("ShuffleNetV2x0_5", weights="none", train_blocks=1, image_size=32)
    model.save(tmp_path / "model.keras")
    whole = build_classifier("ShuffleNetV2x0_5", weights="none", train_blocks="all", image_size=32)
    assert memory_table(model) == memory_table(whole) == memory_table(keras.saving.load_model(tmp_path / "model.keras"))


def test_a_model_of_someone_elses_has_no_table():
    with pytest.raises(ConfigError, match=r"the model 'mine' has no blocks that kbin knows"):
        memory_table(keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)], name="mine"))
