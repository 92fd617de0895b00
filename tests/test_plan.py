import re
import shutil
from pathlib import Path

import pytest

from kbin.errors import ConfigError, DataError, WeightsError
from kbin.experiment_file import load_experiment
from kbin.plan import plan_lines
from tests.image_folders import write_images

SETTINGS = """\
name: shades
data: {source: folder, path: images, classes: [dark, bright], positive: bright, image_size: 32}
models:
  - {id: fixed, backbone: EfficientNetLite0, weights: none, head: {hidden_units: [8], standardize: true}}
training: {epochs: 4, batch_size: 8, seeds: [0, 1, 2]}
engine: {runtime: torch}
"""


def write_experiment(folder: Path) -> Path:
    """Writes twenty images to train on, which is three batches of eight, and four to validate and to test."""
    for name, count in {"train": 10, "validation": 2, "test": 2}.items():
        write_images(folder / "images" / name, {"dark": count, "bright": count}, seed=count + len(name))
    (folder / "experiment.yaml").write_text(SETTINGS)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_experiment(tmp_path)


def plan(folder: Path, *overrides: str) -> str:
    return "\n".join(plan_lines(load_experiment(folder / "experiment.yaml", overrides)))


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    return plan(write_experiment(tmp_path_factory.mktemp("plan")))


def test_it_names_sets_training_threshold_and_models_with_their_parameters(text):
    assert "experiment: shades\nclasses: dark, bright, positive: bright\n" in text
    assert re.search(r"\n  train +20 images: 10 dark, 10 bright\n", text)
    assert "\ntraining: 4 epochs, batch 8, adamw, seeds 0, 1, 2\n" in text
    assert "\nthreshold: youden, chosen on the validation set, by each seed, then locked for all sets\n" in text
    assert "\nmodel fixed: EfficientNetLite0, weights none, trains 0 blocks, learning rate 0.001\n" in text
    assert "\n  head: standardised features, 8 units, sigmoid or softmax\n" in text
    # The head: 1,280 x 8 weights and 8 biases, then 8 weights and a bias.
    assert re.search(r"\nhead +10,257 +10,257 ", text)
    assert re.search(r"\ntotal +3,381,265 +10,257 ", text)


def test_it_counts_the_steps_of_all_seeds_and_the_images_of_the_feature_pass(text):
    # 20 images make 3 batches of 8; 3 batches x 4 epochs x 3 seeds.
    assert "training: 36 steps of 8 over 3 seeds, about " in text
    # All sets together; a vector of 1,280 float32 each.
    assert "features: 28 images x 1280 (0.1 MB), 0 stored already" in text
    assert "feature pass: 28 images on torch in float32" in text


def test_it_counts_the_trials_of_a_search_by_kind(folder):
    search = "search={folds: 5, score: roc_auc, grid: {train_blocks: [0, 1], training.epochs: [2, 3, 4]}}"
    text = plan(folder, search, "models.0.weights=packaged")
    assert (
        "\nsearch: 6 combinations of train_blocks, training.epochs x 5 folds = 30 trials of each model, by roc_auc\n"
        in text
    )
    assert "\n  search: 15 heads on stored features, many at once and 15 networks one after the other\n" in text


def threshold(folder: Path, *overrides: str) -> str:
    """Returns the plan's line on the threshold; the rest of the plan, which takes seconds, is not made."""
    lines = plan_lines(load_experiment(folder / "experiment.yaml", overrides))
    return next(line for line in lines if line.startswith("threshold: ")).removeprefix("threshold: ")


class TestThreshold:
    def test_it_is_the_fixed_one_or_chosen_on_the_validation_set(self, folder):
        assert threshold(folder, "evaluation.threshold=0.3") == "0.3"
        assert threshold(folder, "evaluation.threshold.criterion=f1").startswith("f1, chosen on the validation set")
        assert threshold(folder, "evaluation.threshold={sensitivity: 0.9}").startswith("sensitivity of at least 0.9, ")

    def test_it_is_one_half_without_a_validation_set(self, folder):
        shutil.rmtree(folder / "images" / "validation")
        assert (
            threshold(folder, "data.split.validation=0")
            == "0.5 (There is no validation set to choose a threshold on, so it is 0.5.)"
        )

    def test_costs_are_named_and_so_are_out_of_fold_predictions(self, folder):
        by_cost = "evaluation={threshold: {criterion: cost}, costs: {false_positive: 1, false_negative: 5}}"
        assert threshold(folder, by_cost).startswith("cost (false positive 1, false negative 5), chosen on the valid")
        chosen = threshold(folder, "search={folds: 2}", "evaluation.threshold.choose_on=out_of_fold")
        assert chosen == (
            "youden, chosen on the out-of-fold predictions of the search, one for all seeds, then locked for all sets"
        )

    def test_three_classes_have_none(self, folder):
        for name in ("train", "validation", "test"):
            write_images(folder / "images" / name, {"grey": 2}, seed=len(name))
        assert threshold(folder, "data.classes=[dark, grey, bright]", "data.positive=null").startswith("none: ")


def test_settings_that_the_data_cannot_serve_are_refused(folder):
    with pytest.raises(ConfigError, match=r"training\.class_weight: unknown class 'brigt'\. Did you mean 'bright'\?"):
        plan(folder, "training.class_weight={brigt: 2}")
    with pytest.raises(DataError, match="nowhere does not exist"):
        plan(folder, "data.path=nowhere")


def test_weights_of_another_network_are_refused(folder):
    import torch  # late: as in kbin, only weights need it

    torch.save({"conv1.weight": torch.zeros(3)}, folder / "other.pth")
    with pytest.raises(WeightsError, match=r"other\.pth cannot be loaded into EfficientNetLite0: .* another network"):
        plan(folder, "models.0.weights=other.pth")
