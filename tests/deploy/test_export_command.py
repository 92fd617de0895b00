"""`kbin export`, as a person gives it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kbin.cli import main
from tests.deploy.exported_folders import small_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_folder(tmp_path_factory.mktemp("run") / "models/small/seed-0")


def kbin(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> Any:
    monkeypatch.setattr(sys, "argv", ["kbin", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_it_writes_into_the_folder_where_one_stands(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    assert kbin(monkeypatch, "export", folder.parents[2], "--format", "torch") == 0

    assert {one.name for one in tmp_path.iterdir()} == {"model.pt2", "model.pt2.json"}
    said = capsys.readouterr().out
    assert "model.pt2; what it takes and gives is in model.pt2.json" in said
    assert "compared with Keras on 16 images (made, since none of the run's are at hand" in said


def test_its_json_is_alone_on_standard_output(folder, tmp_path, monkeypatch, capsys):
    assert kbin(monkeypatch, "export", folder, "--format", "torch", "--out", tmp_path, "--json") == 0

    said = json.loads(capsys.readouterr().out)
    assert said["path"] == str(tmp_path / "model.pt2")
    assert said["largest_difference"] < 1e-5


def test_a_wrong_format_is_answered_without_keras(folder):
    script = (
        f"import sys; sys.argv = ['kbin', 'export', {str(folder)!r}, '--format', 'onyx']\n"
        "from kbin.cli import main\n"
        "try:\n    main()\n"
        "finally:\n    print(sorted({'keras', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    assert done.returncode == 2
    assert "error: --format: unknown format 'onyx'. Did you mean 'onnx'?" in done.stderr
    assert done.stdout == "[]\n"


def test_what_is_wrong_is_exit_code_2_in_one_line(tmp_path, monkeypatch, capsys):
    assert kbin(monkeypatch, "export", tmp_path, "--format", "torch") == 2

    assert capsys.readouterr().err.startswith(f"error: {tmp_path} holds no model.keras")
