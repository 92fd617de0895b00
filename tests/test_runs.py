import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from kbin.errors import RunFolderError, StorageError
from kbin.files import save_figure, write_whole
from kbin.run_files import Predictions
from kbin.runs import RunDirectory

SETTINGS = "name: a\ntraining:\n  epochs: 10\n"


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return RunDirectory(tmp_path / "run")


class TestWriteWhole:
    def test_it_replaces_the_file_and_leaves_nothing_else(self, tmp_path):
        for content in ("one", b"two"):
            write_whole(tmp_path / "deep" / "file.txt", content)
        assert [(path.name, path.read_text()) for path in (tmp_path / "deep").iterdir()] == [("file.txt", "two")]

    def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(self, tmp_path, monkeypatch):
        write_whole(tmp_path / "file.txt", "old")

        def full(descriptor: int) -> None:
            raise OSError("no space left on device")

        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(StorageError, match=r"file\.txt cannot be written: no space left on device\."):
            write_whole(tmp_path / "file.txt", "new")
        assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("file.txt", "old")]

    def test_others_may_read_the_file(self, tmp_path):
        write_whole(tmp_path / "file.txt", "text")
        assert (tmp_path / "file.txt").stat().st_mode & 0o777 == 0o644

    def test_letters_that_utf_8_does_not_have_are_written_as_text(self, tmp_path):
        write_whole(tmp_path / "file.txt", "caf\udce9.png, café")
        assert (tmp_path / "file.txt").read_text(encoding="utf-8") == "caf\\udce9.png, café"


class TestInside:
    def test_a_path_of_the_folder_stays_as_it_is(self, run):
        assert run.inside(run.path / "plots" / "roc.png") == run.path / "plots" / "roc.png"

    def test_links_within_the_folder_and_to_the_folder_are_followed(self, run, tmp_path):
        run.begin(SETTINGS)
        (run.path / "link").symlink_to("experiment.yaml")
        (tmp_path / "other").symlink_to(run.path)
        other = RunDirectory(tmp_path / "other")
        assert other.inside(other.path / "link").read_text() == SETTINGS
        assert other.settings_text() == SETTINGS

    def test_what_leads_elsewhere_is_refused(self, run, tmp_path):
        run.begin(SETTINGS)
        (run.path / "outside").symlink_to(tmp_path)
        (run.path / "loop").symlink_to("loop")
        for path in ("outside", "outside/file", "..", "../run-2/file", "loop", "loop/file", "nul\0"):
            with pytest.raises(
                RunFolderError, match=r"leads out of the run's folder .*run: give a folder that `kbin run` made\."
            ):
                run.inside(run.path / path)


class TestFolder:
    def test_a_new_one_is_not_finished_and_is_not_made_by_asking(self, run):
        assert run.is_finished(SETTINGS) is False
        assert not run.path.exists()

    def test_one_that_was_begun_is_not_finished(self, run):
        run.begin(SETTINGS)
        assert run.is_finished(SETTINGS) is False
        assert run.settings_text() == SETTINGS

    def test_one_with_results_is_finished(self, run):
        run.begin(SETTINGS)
        run.save_results({"models": []})
        assert run.is_finished(SETTINGS) is True

    def test_another_experiment_is_refused_with_the_settings_that_differ(self, run):
        run.begin(SETTINGS)
        expected = (
            r"run holds another experiment; settings that differ: name: a there, b here; "
            r"training\.epochs: 10 there, 3 here\. Choose another folder with --out, or start anew in this one with "
            r"--fresh\."
        )
        with pytest.raises(RunFolderError, match=expected):
            run.is_finished("name: b\ntraining:\n  epochs: 3\n")

    def test_what_is_done_about_bad_images_may_change_until_there_are_results(self, run):
        error, skip = ("name: a\ndata:\n  on_bad_image: " + what + "\n" for what in ("error", "skip"))
        run.begin(error)
        assert run.is_finished(skip) is False
        with pytest.raises(RunFolderError, match=r"name: a there, b here"):
            run.is_finished(skip.replace("name: a", "name: b"))
        run.save_results({"models": []})
        with pytest.raises(RunFolderError, match=r"data\.on_bad_image: error there, skip here"):
            run.is_finished(skip)

    def test_of_many_differences_the_first_five_are_named(self, run):
        run.begin("".join(f"key{number}: 0\n" for number in range(9)))
        with pytest.raises(
            RunFolderError, match=r"differ: key0: 0 there, 1 here; .*key4: 0 there, 1 here; \.\.\.\. Choose"
        ):
            run.is_finished("".join(f"key{number}: 1\n" for number in range(9)))

    def test_damaged_settings_are_refused(self, run):
        run.begin("name: [")
        with pytest.raises(RunFolderError, match=r"run/experiment\.yaml is damaged: .*not valid YAML"):
            run.is_finished(SETTINGS)

    def test_files_that_are_no_runs_are_left_alone(self, run):
        run.path.mkdir()
        (run.path / "thesis.txt").touch()
        with pytest.raises(
            RunFolderError, match=r"holds files but no experiment\.yaml of a run, so it is not a run's folder"
        ):
            run.is_finished(SETTINGS)

    def test_an_empty_folder_may_be_used(self, run):
        run.path.mkdir()
        assert run.is_finished(SETTINGS) is False

    def test_a_file_in_its_place_is_refused(self, run):
        run.path.touch()
        with pytest.raises(RunFolderError, match="run is a file, not a folder: choose another place with --out"):
            run.is_finished(SETTINGS)

    def test_a_place_that_cannot_be_written_is_refused(self, tmp_path):
        (tmp_path / "file").touch()
        below_a_file = RunDirectory(tmp_path / "file" / "run")
        assert below_a_file.is_finished(SETTINGS) is False
        with pytest.raises(StorageError, match=r"cannot be written: a file lies where .* is chosen with --out\."):
            below_a_file.begin(SETTINGS)


class TestInputNumbers:
    def test_they_are_read_as_they_were_written(self, run):
        run.save_input_numbers("fixed", {"mean": [0.1, 0.2, 0.3], "why_no_reference": ""})
        assert run.input_numbers("fixed") == {"mean": [0.1, 0.2, 0.3], "why_no_reference": ""}
        assert (run.path / "models" / "fixed" / "input.json").is_file()

    def test_a_run_that_stored_none_has_none(self, run):
        run.begin(SETTINGS)
        assert run.input_numbers("fixed") is None

    def test_damaged_ones_are_refused(self, run):
        run.save_input_numbers("fixed", {})
        (run.path / "models" / "fixed" / "input.json").write_text("[1]")
        with pytest.raises(RunFolderError, match=r"input\.json is damaged: it should hold an object\."):
            run.input_numbers("fixed")

    def test_a_link_to_elsewhere_is_refused(self, run, tmp_path):
        run.save_input_numbers("fixed", {})
        (tmp_path / "other.json").write_text("{}")
        (run.path / "models" / "fixed" / "input.json").unlink()
        (run.path / "models" / "fixed" / "input.json").symlink_to(tmp_path / "other.json")
        with pytest.raises(RunFolderError, match="leads out of the run's folder"):
            run.input_numbers("fixed")

    def test_starting_anew_removes_them(self, run):
        run.begin(SETTINGS)
        run.save_input_numbers("fixed", {})
        run.remove_results()
        assert run.input_numbers("fixed") is None


class TestJson:
    def test_results_and_environment_are_read_as_they_were_written(self, run):
        results = {"experiment": "zellen-ü", "models": [{"metrics": {"f1": None, "accuracy": 0.1 + 0.2}}]}
        run.save_results(results)
        run.save_environment({"cores": 2})
        assert run.results() == results
        assert run.environment() == {"cores": 2}
        assert "zellen-ü" in (run.path / "results.json").read_text(encoding="utf-8")

    @pytest.mark.parametrize("value", [float("nan"), float("inf")])
    def test_what_is_not_a_number_is_never_written(self, run, value):
        with pytest.raises(ValueError, match="not JSON compliant"):
            run.save_results({"accuracy": value})
        assert not (run.path / "results.json").exists()

    @pytest.mark.parametrize(
        ("text", "reason"), [("{", "is damaged: Expecting"), ("[1]", "is damaged: it should hold an object")]
    )
    def test_damaged_results_are_refused(self, run, text, reason):
        write_whole(run.path / "results.json", text)
        with pytest.raises(RunFolderError, match=rf"run/results\.json {reason}"):
            run.results()

    @pytest.mark.parametrize("levels", [60, 100_000])
    def test_values_in_values_without_end_are_refused(self, run, levels):
        write_whole(run.path / "results.json", '{"a": ' + "[" * levels + "]" * levels + "}")
        with pytest.raises(RunFolderError, match=r"run/results\.json is damaged: its values are nested too deeply\."):
            run.results()

    def test_letters_that_utf_8_does_not_have_are_read_as_text(self, run):
        run.save_environment({"a": "caf\udce9"})
        assert run.environment() == {"a": "caf\\udce9"}
        write_whole(run.path / "environment.json", r'{"a": "\udce9 \ud83d\ude00"}')
        assert run.environment() == {"a": "\\udce9 😀"}

    def test_a_folder_without_results_is_refused(self, run):
        expected = r"run has no readable results\.json \(FileNotFoundError\): give a folder that `kbin run` made\."
        with pytest.raises(RunFolderError, match=expected):
            run.results()


class TestPredictions:
    def test_two_classes_have_four_columns(self, run):
        predictions = Predictions(
            np.array(["a.png", "b, c.png"]),
            np.array(["x/a.png", "x/b, c.png"]),
            np.array(["no", "yes"]),
            np.array([0.25, 1 / 3]),
        )
        run.save_predictions("m", 0, "test", predictions, ["no", "yes"])
        assert (run.path / "models/m/seed-0/predictions/test.csv").read_text(encoding="utf-8") == (
            'sample_id,path,y_true,y_score\na.png,x/a.png,no,0.25\n"b, c.png","x/b, c.png",yes,0.333333333\n'
        )
        again = run.predictions("m", 0, "test", ["no", "yes"])
        assert again.sample_ids.tolist() == ["a.png", "b, c.png"]
        assert again.paths.tolist() == ["x/a.png", "x/b, c.png"]
        assert again.y_true.tolist() == ["no", "yes"]
        assert again.y_score.tolist() == pytest.approx([0.25, 1 / 3], abs=1e-9)
        assert again.probabilities is None

    @pytest.mark.parametrize("name", ["a\nb.png", "a\rb.png", "a\r\nb.png", "\r", 'say "a"\r', "a\vb\x85c\u2028d"])
    def test_names_with_ends_of_lines_are_read_as_they_were_written(self, run, name):
        names = np.array([name, "plain.png"])
        run.save_predictions(
            "m", 0, "test", Predictions(names, names, np.array(["no", "yes"]), np.array([0.25, 0.5])), ["no", "yes"]
        )
        again = run.predictions("m", 0, "test", ["no", "yes"])
        assert again.sample_ids.tolist() == again.paths.tolist() == [name, "plain.png"]

    def test_more_classes_have_a_column_each(self, run):
        probabilities = np.array([[0.5, 0.25, 0.25], [0.125, 0.125, 0.75]])
        predictions = Predictions(
            np.array(["1", "2"]), np.array(["1", "2"]), np.array(["a", "c"]), probabilities.max(axis=1), probabilities
        )
        run.save_predictions("m", 1, "test", predictions, ["a", "b", "c"])
        lines = (run.path / "models/m/seed-1/predictions/test.csv").read_text(encoding="utf-8").splitlines()
        assert lines == [
            "sample_id,path,y_true,y_score,a,b,c",
            "1,1,a,0.5,0.5,0.25,0.25",
            "2,2,c,0.75,0.125,0.125,0.75",
        ]
        again = run.predictions("m", 1, "test", ["a", "b", "c"]).probabilities
        assert again.tolist() == probabilities.tolist()

    def test_float32_scores_survive(self, run):
        score = np.random.default_rng(0).random(100).astype(np.float32)
        text = np.array(["x"] * 100)
        run.save_predictions("m", 0, "test", Predictions(text, text, text, score), ["x", "y"])
        assert np.array_equal(run.predictions("m", 0, "test", ["x", "y"]).y_score.astype(np.float32), score)

    def test_a_file_name_that_is_no_utf_8_is_written_and_read(self, run):
        names = np.array(["caf\udce9.png", "b.png"])
        run.save_predictions("m", 0, "test", Predictions(names, names, names, np.array([0.5, 1])), ["no", "yes"])
        assert run.predictions("m", 0, "test", ["no", "yes"]).paths.tolist() == ["caf\\udce9.png", "b.png"]

    @pytest.mark.parametrize(
        "content", ["sample_id,path,y_true\na,b,c\n", "sample_id,path,y_true,y_score\na,b,c,high\n"]
    )
    def test_damaged_ones_are_refused(self, run, content):
        write_whole(run.model_folder("m", 0) / "predictions" / "test.csv", content)
        with pytest.raises(RunFolderError, match="the predictions of m on test are damaged"):
            run.predictions("m", 0, "test", ["no", "yes"])


class TestHistory:
    def test_it_is_a_row_an_epoch_and_is_read_as_columns(self, run):
        run.save_history("m", 0, [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25, "val_f1": 0.75}])
        assert (run.path / "models/m/seed-0/history.csv").read_text() == "epoch,loss,val_f1\n1,0.5,\n2,0.25,0.75\n"
        history = run.history("m", 0)
        assert (history["epoch"], history["loss"]) == ([1.0, 2.0], [0.5, 0.25])
        assert np.isnan(history["val_f1"][0])
        assert history["val_f1"][1] == 0.75

    def test_no_epoch_is_no_column(self, run):
        run.save_history("m", 0, [])
        assert run.history("m", 0) == {}


class TestModel:
    def test_it_is_saved_aside_and_then_in_its_place(self, run):
        seen = []

        def save(path: Path) -> None:
            seen.append(path)
            path.write_text("weights")

        path = run.save_model("m", 0, save)
        assert path == run.path / "models/m/seed-0/model.keras"
        assert seen[0].name.endswith(".keras")
        assert seen[0] != path
        assert [(other.name, other.read_text()) for other in path.parent.iterdir()] == [("model.keras", "weights")]

    def test_a_save_that_fails_leaves_the_old_model_and_nothing_else(self, run):
        path = run.save_model("m", 0, lambda aside: aside.write_text("old"))

        def fail(aside: Path) -> None:
            aside.write_text("half")
            raise OSError(28, "No space left on device")

        with pytest.raises(StorageError, match=r"model\.keras cannot be written: no room is left on its disk\."):
            run.save_model("m", 0, fail)
        assert [(other.name, other.read_text()) for other in path.parent.iterdir()] == [("model.keras", "old")]


def test_plots_lie_with_their_model_or_across_models(run):
    assert run.plot_path("roc", "m", 2) == run.path / "models/m/seed-2/plots/roc.png"
    assert run.plot_path("roc-test") == run.path / "plots/roc-test.png"


def test_a_figure_is_a_png_and_an_svg_with_the_same_bytes_each_time(tmp_path):
    pictures = []
    for folder in ("first", "second"):
        canvas = Figure()
        canvas.subplots().plot([0, 1], [0, 1])
        save_figure(canvas, tmp_path / folder / "roc.png")
        pictures.append({path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()})
    assert sorted(pictures[0]) == ["roc.png", "roc.svg"]
    assert pictures[0]["roc.png"].startswith(b"\x89PNG")
    assert b"<svg" in pictures[0]["roc.svg"]
    assert pictures[0] == pictures[1]


def test_files_are_plain_json_with_a_final_newline(run):
    run.save_results({"a": 1})
    text = (run.path / "results.json").read_text(encoding="utf-8")
    assert text.endswith("}\n")
    assert json.loads(text) == {"a": 1}


class TestGroups:
    def test_they_are_read_as_they_were_written(self, run):
        sets = {"test": (["a.png", 'b, "2".png'], ["patient 1", "=SUM(1)"]), "other": (["a.png"], ["patient 2"])}
        run.save_groups(sets)
        assert (run.path / "groups.csv").read_text(encoding="utf-8").startswith("set,sample_id,group\n")
        assert run.groups() == {
            "test": {"a.png": "patient 1", 'b, "2".png': "=SUM(1)"},
            "other": {"a.png": "patient 2"},
        }

    def test_a_folder_without_them_has_none(self, run):
        assert run.groups() == {}

    def test_a_damaged_file_is_named(self, run):
        write_whole(run.path / "groups.csv", "sample_id,group\na,b\n")
        with pytest.raises(RunFolderError, match=r"groups\.csv is damaged: it has no column 'set'"):
            run.groups()


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("x" * 131_073, r"field larger than field limit \(131072\)"),
        ("x", "a row has not as many cells as the headings"),
    ],
)
def test_a_damaged_table_is_named(run, row, reason):
    tables = {
        "groups.csv": run.groups,
        "models/m/seed-0/history.csv": lambda: run.history("m", 0),
        "models/m/seed-0/predictions/test.csv": lambda: run.predictions("m", 0, "test", ["no", "yes"]),
    }
    for name, read in tables.items():
        write_whole(run.path / name, f"set,sample_id\n{row}\n")
        with pytest.raises(RunFolderError, match=rf"run/{name} is damaged: {reason}\."):
            read()
