import os
import subprocess
import sys
from pathlib import Path

import pytest

import kbin
from kbin.training.callbacks import MetricLogger

_KERAS_ON = """
class backend:
    @staticmethod
    def backend():
        return {name!r}
"""


def _python(script: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a script in a process of its own; modules in `folder` come before installed ones."""
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    if folder is not None:
        environment["PYTHONPATH"] = str(folder)
    return subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)


def test_importing_kbin_loads_neither_keras_nor_torch():
    result = _python("import kbin, sys; print(sorted({'keras', 'torch', 'matplotlib', 'sklearn'} & set(sys.modules)))")
    assert result.stdout == "[]\n", result.stderr


def test_importing_kbin_selects_the_torch_backend():
    result = _python("import kbin, keras; print(keras.backend.backend())")
    assert result.stdout == "torch\n", result.stderr


def test_a_public_name_loads_what_it_needs_when_it_is_used():
    result = _python("import kbin, sys; kbin.RocPlot; print('keras' in sys.modules)")
    assert result.stdout == "True\n", result.stderr


def test_keras_already_on_another_backend_is_a_clear_error(tmp_path):
    (tmp_path / "keras.py").write_text(_KERAS_ON.format(name="tensorflow"))
    result = _python("import keras, kbin", tmp_path)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == (
        "ImportError: kbin runs Keras on torch, but Keras was already imported on 'tensorflow'. "
        "Import kbin before keras, or set the environment variable KERAS_BACKEND=torch."
    )


def test_keras_already_on_torch_is_left_as_it_is(tmp_path):
    (tmp_path / "keras.py").write_text(_KERAS_ON.format(name="torch"))
    result = _python("import keras, kbin, os; print(kbin.__version__, os.environ.get('KERAS_BACKEND'))", tmp_path)
    assert result.stdout == f"{kbin.__version__} None\n", result.stderr


def test_every_public_name_can_be_used_and_is_listed():
    assert all(getattr(kbin, name) is not None for name in kbin.__all__)
    assert dir(kbin) == sorted(kbin.__all__)
    assert kbin.MetricLogger is MetricLogger


def test_an_unknown_name_is_answered_with_those_there_are():
    with pytest.raises(
        AttributeError, match=r"module 'kbin' has no attribute 'build'; it offers ImageClassifier, MetricLogger"
    ):
        _ = kbin.build
