import pytest

from kbin.errors import RunFolderError
from kbin.report.compared_runs import read_runs
from kbin.report.comparison_words import caution_about_images, caution_about_seeds
from kbin.report.run_settings import differing_run_settings
from tests.report.synthetic_runs import SyntheticRun

TEXT = """name: cells
data: {{source: folder, path: {path}}}
models:
{models}
training: {{epochs: {epochs}}}
"""
FIXED = "- {id: fixed, backbone: ResNet50, head: {dropout: 0.0}}"
DROPOUT = "- {id: fixed, backbone: ResNet50, head: {dropout: 0.5}}"
TOP = "- {id: top, backbone: ResNet50, train_blocks: 1}"


@pytest.fixture
def differing(tmp_path):
    def call(*texts):
        plan = SyntheticRun(models={"only": 1.0}, sets={"test": (3, 3)}, seeds=(0,))
        folders = [plan.write(tmp_path / str(index)) for index in range(len(texts))]
        for folder, text in zip(folders, texts, strict=True):
            (folder.path / "experiment.yaml").write_text(text)
        return differing_run_settings(read_runs(folders))

    return call


def test_only_settings_that_differ_are_named_with_each_runs_value(differing):
    texts = [TEXT.format(path="x", models=FIXED, epochs=epochs) for epochs in (3, 3, 10)]
    texts[1] += "seed: 1\n"
    found = differing(*texts)

    assert [(one.key, one.values) for one in found] == [
        ("training.epochs", ("3", "3", "10")),
        ("seed", (None, "1", None)),
    ]


def test_models_are_compared_by_id_and_those_of_one_run_alone_are_named_once(differing):
    found = differing(
        TEXT.format(path="x", models=f"{FIXED}\n{TOP}", epochs=3), TEXT.format(path="x", models=DROPOUT, epochs=3)
    )

    assert [(one.key, one.values) for one in found] == [
        ("models", ("fixed, top", "fixed")),
        ("models.fixed.head.dropout", ("0.0", "0.5")),
    ]
    same = differing(
        TEXT.format(path="x", models=f"{FIXED}\n{TOP}", epochs=3),
        TEXT.format(path="x", models=f"{TOP}\n{FIXED}", epochs=3),
    )
    assert [one.key for one in same] == []


def test_images_from_other_places_are_pointed_out(differing):
    same = differing(*[TEXT.format(path="x", models=FIXED, epochs=epochs) for epochs in (3, 4)])
    other = differing(*[TEXT.format(path=path, models=FIXED, epochs=3) for path in ("x", "y")])

    assert "different places" not in caution_about_images(same)
    assert "read them from different places (data.path)" in caution_about_images(other)


def test_runs_with_one_seed_are_pointed_out(tmp_path):
    plans = {"once": (0,), "twice": (0, 1)}
    runs = read_runs(
        [
            SyntheticRun(models={"only": 1.0}, sets={"test": (3, 3)}, seeds=seeds).write(tmp_path / name)
            for name, seeds in plans.items()
        ]
    )

    assert caution_about_seeds(runs).startswith("Models of once were trained with one seed: ")
    assert caution_about_seeds(runs[1:]) == ""


def test_damaged_settings_are_refused_with_their_folder(differing):
    with pytest.raises(RunFolderError, match="1 is damaged"):
        differing(TEXT.format(path="x", models=FIXED, epochs=3), "name: [")
