"""What a run leaves beside its models, with blocks trained, groups, and after an interruption."""

import json
from pathlib import Path

import numpy as np
import pytest

from kbin import model_entries
from kbin.data.datasets import ArrayImages, Dataset
from kbin.described_models import fingerprint
from kbin.interruption import Interrupted
from kbin.novelty_files import read_novelty
from tests.deploy.trained import COUNTS, trained_run

SEED = "models/fixed/seed-0"
WHOLE = {"id": "fixed", "backbone": "EfficientNetLite0", "weights": "packaged", "train_blocks": "all"}


def data(images: np.ndarray, labels: list[int], classes: tuple[str, ...] = ("dark", "bright")) -> Dataset:
    names = np.array([f"{index}.png" for index in range(len(labels))])
    return Dataset(names, np.array(labels), classes, ArrayImages(images, "array"))


def test_the_fingerprint_is_that_of_images_and_classes_not_of_their_order():
    images = np.arange(4 * 12, dtype=np.uint8).reshape(4, 2, 2, 3)
    first = fingerprint(data(images, [0, 1, 1, 0]))

    assert fingerprint(data(images[::-1], [0, 1, 1, 0])) == first
    assert fingerprint(data(images, [1, 0, 0, 1], ("bright", "dark"))) == first
    assert fingerprint(data(images, [1, 1, 1, 0])) != first
    assert fingerprint(data(images[:3], [0, 1, 1])) != first


def test_where_all_is_trained_the_features_are_those_of_the_trained_model_and_only_new_images_count(tmp_path):
    run = trained_run(tmp_path, models=[WHOLE])

    found = json.loads((run.path / SEED / "model.json").read_text())
    assert found["unlike_training"]["held_out"] == "validation"
    assert found["unlike_training"]["held_out_images"] == 24
    assert found["unlike_training"]["false_alarm_rate"] == pytest.approx(1 / 25)


def files_of(folder: Path) -> dict[str, object]:
    """Keras writes the time into model.keras, so that its hash is another one each time."""
    found = json.loads((folder / SEED / "model.json").read_text())
    assert len(found.pop("sha256")) == 64
    return {"model.json": found, "unlike_training.npz": (folder / SEED / "unlike_training.npz").read_bytes()}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    return files_of(trained_run(tmp_path_factory.mktemp("whole")).path)


@pytest.mark.parametrize("stopped_at", ["evaluate_sets", "save_description"])
def test_a_run_that_is_taken_up_leaves_the_same_files(tmp_path, monkeypatch, undisturbed, stopped_at):
    def stopped(*arguments: object, **settings: object) -> None:
        raise Interrupted(2)

    with monkeypatch.context() as once:
        once.setattr(model_entries, stopped_at, stopped)
        with pytest.raises(Interrupted):
            trained_run(tmp_path)

    assert files_of(trained_run(tmp_path).path) == undisturbed


def test_what_was_kept_but_changed_since_is_made_anew(tmp_path, monkeypatch):
    def stopped(*arguments: object, **settings: object) -> None:
        raise Interrupted(2)

    with monkeypatch.context() as once:
        once.setattr(model_entries, "evaluate_sets", stopped)
        with pytest.raises(Interrupted):
            trained_run(tmp_path)
    kept = tmp_path / "run" / SEED / "unlike_training.npz"
    sound = kept.read_bytes()
    kept.write_bytes(sound[:-50])

    trained_run(tmp_path)

    assert kept.read_bytes() == sound
    assert read_novelty(kept).num_held_out == 84


def test_groups_are_held_out_together(tmp_path, monkeypatch):
    seen = []

    def watched(training, groups, validation, *, is_fitted):
        seen.append((len(training), len(np.unique(groups)), is_fitted))

    monkeypatch.setattr("kbin.model_novelty.fit_novelty", watched)
    rows = [
        f"{name}/{kind}/{i}.png,{name}{i // 10}" for name in COUNTS for kind in ("dark", "bright") for i in range(30)
    ]
    (tmp_path / "groups.csv").write_text("\n".join(["file,group", *rows]))
    folder = {
        "source": "folder", "path": "images", "classes": ["dark", "bright"], "positive": "bright", "image_size": 32,
        "groups": "groups.csv", "split": {"group": "group"},
    }  # fmt: skip
    run = trained_run(tmp_path, data=folder)

    assert seen == [(60, 3, False)]
    assert json.loads((run.path / SEED / "model.json").read_text())["unlike_training"] is None
    assert not (run.path / SEED / "unlike_training.npz").exists()
