import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from kbin.cli import main
from kbin.engine.feature_store import FeatureStore
from kbin.runs import RunDirectory
from tests.experiment_texts import SMALLEST
from tests.image_folders import write_images
from tests.report.synthetic_runs import SyntheticRun

HEAVY = ("keras", "torch", "sklearn", "matplotlib", "tensorflow")


@dataclass(frozen=True)
class Outcome:
    """What a command left: exit code, standard output and error."""

    code: int
    out: str
    err: str


Kbin = Callable[..., Outcome]


@pytest.fixture
def kbin(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Kbin]:
    """Runs a command in this process."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    def call(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["kbin", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Outcome(ended.value.code, *capsys.readouterr())

    yield call
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    """An experiment that trains in a second, on images beside it."""
    write_images(
        tmp_path / "images",
        {f"{name}/{kind}": 6 for name in ("train", "validation", "test") for kind in ("dark", "bright")},
    )
    path = tmp_path / "experiment.yaml"
    path.write_text(
        "name: shades\n"
        "data: {source: folder, path: images, classes: [dark, bright], positive: bright, image_size: 32}\n"
        "models: [{backbone: EfficientNetLite0, id: fixed}]\n"
        "training: {epochs: 1, seeds: 0}\n"
        "engine: {runtime: torch}\n"
    )
    return path


def in_new_process(code: str, *arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60, check=False, **settings
    )


LIST_HEAVY = f"""
import sys
from kbin.cli import main
sys.argv[0] = "kbin"
try:
    main()
finally:
    print("loaded:", *[name for name in {HEAVY} if name in sys.modules], file=sys.stderr)
"""


class TestWithoutKeras:
    """What must answer at once never loads what is heavy."""

    @pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["backbones"], ["schema"]])
    def test_help_listing_and_schema_answer_without_it(self, arguments):
        done = in_new_process(LIST_HEAVY, *arguments)
        assert done.returncode == 0
        assert done.stderr == "loaded:\n"
        assert done.stdout

    def test_a_wrong_file_is_refused_without_it_in_one_message_on_standard_error(self, tmp_path):
        path = tmp_path / "wrong.yaml"
        path.write_text(SMALLEST + "training: {epoch: 3, batch_size: 0}\n")
        done = in_new_process(LIST_HEAVY, "check", str(path))
        assert done.returncode == 2
        assert done.stdout == ""
        title, *faults, loaded = done.stderr.splitlines()
        assert title == f"error in the experiment file: {path}: 2 faults"
        assert [fault.split(": ")[:2] for fault in faults] == [
            ["  line 8", "training.batch_size"],
            ["  line 8", "training.epoch"],
        ]
        assert loaded == "loaded:"


def test_what_steers_a_terminal_in_a_label_is_escaped_in_the_message(kbin, tmp_path):
    write_images(tmp_path, {"dark": 2})
    one, other = (tmp_path / "dark").iterdir()
    (tmp_path / "cells.csv").write_text(f"path,label\n{one},dark\n{other},a\x1b]0;owned\x07b\x9b2J\n")
    (tmp_path / "x.yaml").write_text(
        "name: x\ndata: {source: csv, path: cells.csv, classes: [dark, bright], positive: bright}\n"
        "models: [{backbone: EfficientNetLite0}]\n"
    )
    done = kbin("check", tmp_path / "x.yaml")
    assert done.code == 2
    assert "unknown label 'a\\x1b]0;owned\\x07b\\x9b2J'" in done.err
    assert done.err.replace("\n", "").isprintable()


class TestSignals:
    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_an_interrupted_command_ends_with_the_code_of_its_signal(self, number, code):
        script = (
            "import os, signal, sys, time\n"
            # A shell's background job, which a test run can be, is started with SIGINT ignored.
            "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            "from kbin import cli, experiment_file\n"
            "def interrupted(*arguments):\n"
            f"    os.kill(os.getpid(), {int(number)})\n"
            "    time.sleep(30)\n"
            "experiment_file.load_experiment = interrupted\n"
            "sys.argv = ['kbin', 'check', 'experiment.yaml']\n"
            "cli.main()\n"
        )
        done = in_new_process(script)
        assert done.returncode == code
        assert "Traceback" not in done.stderr
        assert done.stderr == "\ninterrupted; the same command starts again.\n"


class TestUsage:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["run"], "Missing argument"),
            (["run", "a.yaml", "b.yaml"], "unexpected extra argument"),
            (["runn"], "No such command 'runn'"),
            (["backbones", "--jsn"], "No such option"),
        ],
    )
    def test_a_wrong_command_line_is_exit_code_2_without_traceback(self, kbin, arguments, message):
        outcome = kbin(*arguments)
        assert (outcome.code, outcome.out) == (2, "")
        assert message in outcome.err
        assert "Traceback" not in outcome.err

    def test_an_error_has_its_traceback_with_debug_alone(self, kbin, tmp_path):
        plain = kbin("check", tmp_path / "none.yaml")
        debug = kbin("check", tmp_path / "none.yaml", "--debug")
        assert (plain.code, debug.code) == (2, 2)
        assert plain.err == f"error in the experiment file: no experiment file at {tmp_path}/none.yaml.\n"
        assert debug.err.startswith("Traceback")
        assert debug.err.endswith(plain.err)


@pytest.fixture(scope="module")
def schema() -> dict:
    done = in_new_process("import sys; sys.argv = ['kbin', 'schema']; from kbin.cli import main; main()")
    return json.loads(done.stdout)


class TestSchema:
    def test_it_knows_every_section_and_refuses_unknown_keys(self, schema):
        assert schema["type"] == "object"
        assert schema["required"] == ["name", "data", "models"]
        assert schema["additionalProperties"] is False
        assert {"training", "engine", "evaluation"} < set(schema["properties"])
        assert schema["$defs"]["TrainingConfig"]["additionalProperties"] is False

    def test_every_reference_leads_to_a_definition(self, schema):
        def references(node: object) -> Iterator[str]:
            if isinstance(node, dict):
                yield from ([node["$ref"]] if "$ref" in node else [])
                node = list(node.values())
            if isinstance(node, list):
                for inner in node:
                    yield from references(inner)

        found = set(references(schema))
        assert found == {f"#/$defs/{name}" for name in schema["$defs"]}

    @pytest.mark.parametrize(
        ("section", "key", "types"),
        [
            ("TrainingConfig", "seeds", {"integer", "array"}),
            ("TrainingConfig", "early_stopping", {"integer", "null", "#/$defs/EarlyStoppingConfig"}),
            ("EvaluationConfig", "threshold", {"number", "#/$defs/ThresholdConfig"}),
            ("ModelConfig", "train_blocks", {"integer", "string", "array"}),
        ],
    )
    def test_it_allows_the_short_forms_that_the_loader_takes(self, schema, section, key, types):
        choices = schema["$defs"][section]["properties"][key]["anyOf"]
        assert {choice.get("type") or choice["$ref"] for choice in choices} == types

    def test_one_value_of_where_need_not_be_a_list(self, schema):
        choices = schema["$defs"]["TestSetConfig"]["properties"]["where"]["additionalProperties"]["anyOf"]
        assert [choice["type"] for choice in choices] == ["string", "array"]


def test_the_help_fits_80_columns_and_the_readme_has_every_command_of_it(kbin, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = kbin("--help").out.partition("Commands:\n")[2].splitlines()

    commands = [line.split()[0] for line in lines if line]
    assert len(commands) > 5
    assert max(map(len, lines)) <= 80
    assert not [line for line in lines if line.endswith("...")]
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    assert [name for name in commands if f"| `kbin {name}" not in readme] == []


def test_backbones_are_listed_as_text_and_as_json(kbin):
    text, rows = kbin("backbones"), kbin("backbones", "--json")
    assert (text.code, rows.code) == (0, 0)
    assert "ResNet50            23,534,592" in text.out
    assert "ResNet50" in [row["name"] for row in json.loads(rows.out)]


def test_check_prints_the_plan_and_leaves_nothing(kbin, experiment, monkeypatch):
    monkeypatch.chdir(experiment.parent)
    outcome = kbin("check", experiment, "--set", "models.0.weights=none")
    assert outcome.code == 0
    assert "model fixed: EfficientNetLite0, weights none, trains 0 blocks, learning rate 0.001" in outcome.out
    assert sorted(path.name for path in experiment.parent.iterdir()) == ["experiment.yaml", "images"]


class TestJson:
    """One JSON value alone on standard output, whatever is said on standard error."""

    def test_check_gives_the_plan_that_its_lines_tell(self, kbin, experiment):
        outcome = kbin("check", experiment, "--set", "models.0.weights=none", "--json")
        plan = json.loads(outcome.out)
        assert outcome.code == 0
        assert (plan["experiment"], plan["classes"], plan["positive"]) == ("shades", ["dark", "bright"], "bright")
        assert plan["sets"]["train"] == {"n": 12, "counts": {"dark": 6, "bright": 6}}
        assert plan["threshold"]["criterion"] == "youden"
        (model,) = plan["models"]
        # The head: 1,280 weights and a bias.
        assert (model["id"], model["parameters"]["trainable"], model["too_large"]) == ("fixed", 1281, None)
        (stage,) = model["stages"]
        # 12 images are one batch of 32; an epoch, a seed.
        assert (stage["steps"], stage["batch_size"], stage["num_seeds"]) == (1, 32, 1)
        assert stage["learning_rate"] == 1e-3
        assert stage["features"]["images"] == stage["features"]["missing"] == 36
        assert stage["features"]["bytes"] == 36 * 1280 * 4
        assert stage["features"]["runtime"] == "torch"
        assert stage["seconds"] > 0

    def test_check_of_a_search_counts_the_trials_of_heads(self, kbin, experiment):
        search = "search={folds: 2, grid: {train_blocks: [0, 1], training.epochs: [1, 2, 3]}}"
        plan = json.loads(kbin("check", experiment, "--set", search, "--json").out)
        assert plan["search"]["combinations"] == 6
        assert plan["search"]["trials_of_each_model"] == 12
        assert plan["models"][0]["head_trials"] == 6

    def test_run_gives_its_results_and_tells_its_progress_on_standard_error(self, kbin, experiment, tmp_path):
        outcome = kbin("run", experiment, "--out", tmp_path / "run", "--json")
        assert outcome.code == 0
        assert json.loads(outcome.out) == json.loads((tmp_path / "run" / "results.json").read_text())
        assert "classes: dark, bright" in outcome.err
        reported = kbin("report", tmp_path / "run", "--json")
        assert json.loads(reported.out) == {"page": str(tmp_path / "run" / "report.html")}

    def test_store_lists_and_clears(self, kbin):
        store = FeatureStore.of_this_machine()
        for name in ("one", "other"):
            store.table({"backbone": name}).add(["0" * 32], np.zeros((1, 4), np.float32))
        listed = json.loads(kbin("store", "--json").out)
        assert sorted(row["backbone"] for row in listed) == ["one", "other"]
        assert [row["images"] for row in listed] == [1, 1]
        gone = json.loads(kbin("store", "--clear", listed[0]["name"], "--json").out)
        assert [row["name"] for row in gone] == [listed[0]["name"]]
        assert [row["name"] for row in json.loads(kbin("store", "--json").out)] == [listed[1]["name"]]

    def test_every_command_offers_it_or_gives_json_anyway(self, kbin):
        for command in ("run", "check", "backbones", "store", "report", "audit"):
            assert "--json" in kbin(command, "--help").out
        assert json.loads(kbin("schema").out)["type"] == "object"


class TestRun:
    def test_it_leaves_a_run_and_says_so_when_it_is_run_again(self, kbin, experiment, monkeypatch):
        monkeypatch.chdir(experiment.parent)
        first = kbin("run", experiment)
        assert first.code == 0
        assert "classes: dark, bright, positive: bright" in first.out
        assert first.out.endswith("results: runs/shades/report.html\n")
        results = Path("runs/shades/results.json")
        written = results.stat().st_mtime_ns
        again = kbin("run", experiment)
        assert again.code == 0
        assert "runs/shades already holds the finished results of this experiment; --fresh runs it anew." in again.out
        assert results.stat().st_mtime_ns == written

        changed = kbin("run", experiment, "--set", "training.epochs=2")
        assert changed.code == 2
        assert (
            "runs/shades holds another experiment; settings that differ: training.epochs: 1 there, 2 here."
            in changed.err
        )

        Path("runs/shades/report.html").unlink()
        remade = kbin("report", "runs/shades")
        assert (remade.code, remade.out) == (0, "runs/shades/report.html\n")
        assert Path("runs/shades/report.html").is_file()

    def test_quick_is_a_trial_with_a_folder_of_its_own(self, kbin, experiment, monkeypatch):
        monkeypatch.chdir(experiment.parent)
        outcome = kbin("run", experiment, "--quick", "--set", "training.seeds=[3, 4]", "--set", "data.limit=4")
        assert outcome.code == 0
        results = json.loads(Path("runs/shades-quick/results.json").read_text())
        assert results["sets"]["train"]["n"] == 4
        (model,) = results["models"]
        assert [one["seed"] for one in model["sets"]["test"]["per_seed"]] == [3]

    def test_a_cluster_that_does_not_answer_is_said_in_one_line(self, experiment, tmp_path):
        script = "import sys; sys.argv[0] = 'kbin'; from kbin.cli import main; main()"
        out = str(tmp_path / "run")
        done = in_new_process(script, "run", str(experiment), "--out", out, "--cluster", "tcp://127.0.0.1:1")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("error: no Dask scheduler answers at 'tcp://127.0.0.1:1' ")
        assert len(done.stderr.splitlines()) == 1
        assert not (tmp_path / "run").exists()

    def test_an_unreadable_image_is_named_without_traceback(self, kbin, experiment, tmp_path):
        damaged = tmp_path / "images" / "train" / "dark" / "0.png"
        damaged.write_bytes(damaged.read_bytes()[:200])
        outcome = kbin("run", experiment, "--out", tmp_path / "run")
        assert outcome.code == 2
        first, second, *_ = outcome.err.splitlines()
        assert re.fullmatch(r"error: 1 image of \d+ cannot be read:", first)
        assert second.startswith(f"  {damaged} (")
        assert "Traceback" not in outcome.err

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ("data.path=nowhere", "nowhere does not exist"),
            ("data.classes=[dark, brigth]", "unknown class 'brigth'"),
            ("data.classes=[dark, grey]", "unknown class 'grey'"),
        ],
    )
    def test_wrong_data_is_exit_code_2_and_leaves_no_run_folder(self, kbin, experiment, tmp_path, settings, message):
        positive = ["--set", "data.positive=dark"]
        outcome = kbin("run", experiment, "--out", tmp_path / "run", "--set", settings, *positive)
        assert outcome.code == 2
        assert message in outcome.err
        assert not (tmp_path / "run").exists()

    def test_an_empty_class_is_refused(self, kbin, experiment, tmp_path):
        for path in (tmp_path / "images" / "train" / "dark").iterdir():
            path.unlink()
        outcome = kbin("run", experiment, "--out", tmp_path / "run")
        assert outcome.code == 2
        assert "train/dark holds no images. Put images of class 'dark' there" in outcome.err

    def test_weights_of_another_network_are_refused(self, kbin, experiment, tmp_path):
        import torch  # late: most of these tests need none

        torch.save({"conv1.weight": torch.zeros(3)}, tmp_path / "other.pth")
        outcome = kbin("run", experiment, "--out", tmp_path / "run", "--set", "models.0.weights=other.pth")
        assert outcome.code == 2
        assert f"{tmp_path}/other.pth cannot be loaded into EfficientNetLite0" in outcome.err
        assert "another network" in outcome.err


def test_report_of_what_is_no_run_is_refused(kbin, tmp_path):
    outcome = kbin("report", tmp_path)
    assert outcome.code == 2
    assert (
        f"{tmp_path} has no readable results.json (FileNotFoundError): give a folder that `kbin run` made."
        in outcome.err
    )


class TestReport:
    @pytest.fixture
    def runs(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        plan = SyntheticRun(models={"only": 1.0}, sets={"test": (5, 4)}, seeds=(0,))
        return [plan.write(Path(name)).path for name in ("first", "second")]

    def test_one_folder_gets_its_own_page_tables_and_plots(self, kbin, runs):
        outcome = kbin("report", runs[0])
        assert (outcome.code, outcome.out) == (0, "first/report.html\n")
        assert Path("first/tables/results.csv").is_file()
        assert Path("first/plots/roc-test.png").is_file()

    def test_several_folders_get_one_page_and_stay_as_they_are(self, kbin, runs):
        before = sorted(Path().rglob("*"))
        outcome = kbin("report", *runs)
        assert (outcome.code, outcome.out) == (0, "comparison.html\n")
        assert sorted(Path().rglob("*")) == sorted([*before, Path("comparison.html")])
        elsewhere = kbin("report", *runs, "--out", "pages/both.html")
        assert (elsewhere.code, elsewhere.out) == (0, "pages/both.html\n")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["first", "first"], "is given 2 times: a run is compared with others, give it once."),
            (["first", "missing"], "missing has no readable results.json"),
            (["first", "unfinished"], "unfinished has no readable results.json: its run is not finished; `kbin run`"),
            (["unfinished"], "unfinished has no readable results.json: its run is not finished; `kbin run`"),
            (["first", "--out", "x.html"], "--out is for a page of several runs"),
            (["first", "second", "--redraw"], "--redraw is for one run"),
            (["first", "second", "--out", "first/report.html"], "is there already and is no page"),
        ],
    )
    def test_what_it_cannot_do_is_said_in_one_line(self, kbin, runs, arguments, message):
        RunDirectory(Path("unfinished")).begin("name: x\n")
        Path("first/report.html").write_text("a run's own page")
        outcome = kbin("report", *arguments)
        assert (outcome.code, outcome.out) == (2, "")
        assert message in outcome.err
        assert len(outcome.err.splitlines()) == 1
        assert not Path("comparison.html").exists()

    def test_a_folder_that_cannot_be_written_is_said_without_traceback(self, kbin, runs):
        Path("first/tables").write_text("a file where a folder should be")
        outcome = kbin("report", "first")
        assert outcome.code == 2
        assert "tables/results.csv cannot be written: a file lies where its folder should be." in outcome.err
        assert "Traceback" not in outcome.err


def test_a_reader_that_goes_away_sees_no_traceback():
    reading, writing = os.pipe()
    os.close(reading)
    try:
        script = "import sys; sys.argv = ['kbin', 'schema']; from kbin.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", script], stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")
