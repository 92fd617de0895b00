"""The README's ten lines give what Keras gives for the same JPEG, with nothing installed but what they name."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from kbin.data.images import decode
from kbin.deploy.export import export_model
from tests.deploy.exported_folders import small_folder
from tests.deploy.readme_programs import printed, readme_program, run_alone

_TORCH = ["torch", "torchgen", "functorch", "numpy", "PIL", "sympy", "mpmath", "networkx", "jinja2", "markupsafe"]
_TORCH += ["filelock", "fsspec", "typing_extensions"]
_TORCH += ["optree"]  # torch does not need it, but imports it where pip has put it, which it asks pip's records
_KERAS = [
    "keras",
    "absl",
    "rich",
    "namex",
    "h5py",
    "optree",
    "ml_dtypes",
    "packaging",
    "markdown_it",
    "mdurl",
    "pygments",
]
# Format -> the file that the program reads, and what pip installs with the packages that the README names.
_PROGRAMS = {
    "onnx": ("model.onnx", ["onnxruntime", "numpy", "PIL", "flatbuffers", "google", "packaging"]),
    "openvino": ("model.xml", ["openvino", "openvino_telemetry", "numpy", "PIL"]),
    "torch": ("model.pt2", _TORCH),
    "keras": ("model.keras", _KERAS + _TORCH),
}
_TO_INSTALL = {
    "onnx": ["onnxruntime", "pillow"],
    "openvino": ["openvino", "pillow"],
    "torch": ["torch>=2.13,<2.14", "numpy", "pillow"],
    "keras": ["keras", "torch>=2.13,<2.14", "pillow"],
}


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photo") / "photo.jpg"
    pixels = np.random.default_rng(5).integers(0, 256, (6, 9, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((90, 60), Image.Resampling.BICUBIC).save(path, quality=90)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_folder(tmp_path_factory.mktemp("run") / "seed-0")


@pytest.fixture(scope="module")
def expected(folder: Path, photo: Path) -> float:
    """Keras's probability of the photograph as kbin decodes it; another picture has another one."""
    model = keras.saving.load_model(folder / "model.keras")
    with Image.open(photo) as image:
        probability = float(model.predict(decode(image, 32)[None], verbose=0)[0, 0])
    black = float(model.predict(np.zeros((1, 32, 32, 3), np.uint8), verbose=0)[0, 0])
    assert abs(probability - black) > 0.01
    return probability


@pytest.mark.parametrize("format", _PROGRAMS)
def test_the_program_needs_only_what_the_readme_names(folder, photo, expected, format):
    name, packages = _PROGRAMS[format]
    if format != "keras":
        export_model(folder, format, folder)

    found = run_alone(readme_program(name), folder, photo, packages)

    np.testing.assert_allclose(found, [expected], atol=1e-5)


def test_nothing_else_can_be_imported(folder, photo):
    with pytest.raises(AssertionError, match="No module named 'kbin'"):
        run_alone("import kbin", folder, photo, _TORCH)


@pytest.mark.slow
@pytest.mark.parametrize("format", _PROGRAMS)
def test_the_program_runs_in_a_fresh_environment(folder, photo, expected, format, tmp_path):
    name, _ = _PROGRAMS[format]
    if format != "keras":
        export_model(folder, format, folder)
    (folder / "label.py").write_text(readme_program(name), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv/bin/python"
    subprocess.run([python, "-m", "pip", "install", "-q", *_TO_INSTALL[format]], check=True)
    # Nothing of this checkout is on the way.
    command = [python, "-I", "label.py", str(photo)]

    found = printed(subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False))

    np.testing.assert_allclose(found, [expected], atol=1e-5)
