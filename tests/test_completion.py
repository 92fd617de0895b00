"""What a shell is offered: by the protocol that the installed script speaks, and by bash itself."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kbin.completion import experiment_files, run_folders, setting_names, table_names
from kbin.engine.feature_store import FeatureStore

KBIN = "import sys; sys.argv[0] = 'kbin'; from kbin.cli import main; main()"


def kbin(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", KBIN, *arguments],
        env={name: value for name, value in os.environ.items() if not name.startswith("_KBIN")} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def offered(*words: str) -> list[str]:
    """Returns what bash is offered for the last word."""
    done = kbin(COMP_WORDS="\n".join(("kbin", *words)), COMP_CWORD=str(len(words)), _KBIN_COMPLETE="complete_bash")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    (tmp_path / "runs" / "mine" / "results.json").touch()
    (tmp_path / "runs" / "unfinished").mkdir()
    for name in ("mine.yaml", "other.yml", "notes.txt", ".hidden.yaml"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


class TestValues:
    def test_of_files_the_experiments_are_offered_hidden_ones_only_when_asked_for(self, folder):
        assert experiment_files("") == ["mine.yaml", "other.yml"]
        assert experiment_files("mi") == ["mine.yaml"]
        assert experiment_files(".") == [".hidden.yaml"]
        assert experiment_files(f"{folder}/o") == [f"{folder}/other.yml"]
        assert experiment_files("nowhere/") == []

    def test_of_folders_the_finished_runs_are_offered(self, folder):
        assert run_folders("runs/") == ["runs/mine"]
        assert run_folders("") == []

    def test_the_home_folder_stays_as_it_was_typed(self, folder, monkeypatch):
        monkeypatch.setenv("HOME", str(folder))
        assert experiment_files("~/mi") == ["~/mine.yaml"]

    def test_stored_tables_are_offered_as_they_are_listed(self):
        table = FeatureStore.of_this_machine().table({"backbone": "one"})
        table.add(["0" * 32], np.zeros((1, 4), np.float32))
        assert table_names("") == [table.folder.name[:8], "all"]
        assert table_names("a") == (["all"] if table.folder.name[0] != "a" else [table.folder.name[:8], "all"])

    def test_a_store_that_cannot_be_opened_offers_what_is_left(self, monkeypatch):
        monkeypatch.setenv("KBIN_STORE_MAX_GB", "much")
        assert table_names("") == ["all"]

    def test_settings_are_offered_by_their_keys(self):
        assert setting_names("training.epo") == ["training.epochs="]
        assert {"data.image_size=", "engine.runtime=", "data.split.test="} <= set(setting_names(""))


class TestProtocol:
    def test_commands_options_and_values_are_offered(self, folder):
        assert offered("ru") == ["run"]
        assert {"run", "check", "store", "report", "audit"} <= set(offered(""))
        assert {"--out", "--quick", "--json"} <= set(offered("run", "--"))
        assert offered("run", "mi") == ["mine.yaml"]
        assert offered("report", "runs/") == ["runs/mine"]
        assert offered("store", "--clear", "a")[-1] == "all"

    def test_where_kbin_offers_nothing_the_shell_offers_its_files(self, folder):
        assert offered("run", "mine.yaml", "--out", "ru") == []
        script = kbin("--show-completion", SHELL="/bin/bash", _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
        assert script.returncode == 2  # without detection it wants the shell's name
        script = kbin("--show-completion", "bash", _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
        assert "complete -o default -F _kbin_completion kbin" in script.stdout

    def test_zsh_is_offered_the_same(self, folder):
        done = kbin(_TYPER_COMPLETE_ARGS="kbin run mi", _KBIN_COMPLETE="complete_zsh")
        assert '"mine.yaml"' in done.stdout
        assert kbin(_TYPER_COMPLETE_ARGS="kbin run x", _KBIN_COMPLETE="complete_zsh").stdout.strip() == "_files"

    @pytest.mark.parametrize(("shell", "settings"), [("bash", ".bashrc"), ("zsh", ".zshrc")])
    def test_it_installs_itself_for_the_shell(self, tmp_path, shell, settings):
        done = kbin("--install-completion", shell, HOME=str(tmp_path), _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
        assert (done.returncode, done.stderr) == (0, "")
        assert f"{shell} completion installed in {tmp_path}" in done.stdout
        assert (tmp_path / settings).is_file()

    @pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
    def test_bash_itself_completes_by_the_script(self, folder):
        script = kbin("--show-completion", "bash", _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1").stdout
        (folder / "completion.sh").write_text(script)
        command = folder / "bin" / "kbin"
        command.parent.mkdir()
        command.write_text(f"#!{sys.executable}\n{KBIN}\n")
        command.chmod(0o755)
        done = subprocess.run(
            [
                "bash",
                "--norc",
                "-c",
                f"source completion.sh; COMP_WORDS=(kbin report runs/m); COMP_CWORD=2; _kbin_completion {command}; "
                'printf "%s|" "${COMPREPLY[@]}"',
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.stdout, done.stderr) == ("runs/mine|", "")


def test_completing_loads_nothing_heavy(folder):
    script = KBIN.replace("main()", "\ntry:\n    main()\nfinally:\n    print({'keras', 'torch'} & set(sys.modules))")
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"COMP_WORDS": "kbin run m", "COMP_CWORD": "2", "_KBIN_COMPLETE": "complete_bash"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "mine.yaml\nset()\n", done.stderr
