"""One run with everything that can go wrong in it, drawn once for all tests of the page."""

import base64
import shutil
from pathlib import Path

import pytest

from kbin import run_writing
from kbin.report.plots import draw_plots
from kbin.report.rendering import write_report
from kbin.runs import RunDirectory
from tests.report.synthetic_runs import SyntheticRun

HOSTILE_CLASS = "<script>alert(\"1\")</script>, '=SUM(1)' & $x_1$ 😀"
HOSTILE_SET = 'centre "b" <i>, 🏥'
ERROR = "ValueError: <b>out of memory</b> & more"

EVERYTHING = SyntheticRun(
    models={"good": 2.0, "poor": 0.5},
    classes=("fine", HOSTILE_CLASS),
    sets={"train": (20, 12), "validation": (12, 8), "test": (14, 10), HOSTILE_SET: (9, 0)},
    failed={"broken": ERROR},
    one_answer=("poor",),
    notes=("1 image of <train> was left out",),
    paths=("<img src=x onerror=alert(1)>.png",),
)


_SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'
ONE_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="


def save_quickly(canvas: object, path: Path, root: Path | None = None) -> None:
    """Stands in for the saving of figures, which takes most of the time: files that a browser opens."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".svg").write_text(_SVG, encoding="utf-8")
    path.write_bytes(base64.b64decode(ONE_PIXEL))


@pytest.fixture
def quick_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are made but not rendered."""
    monkeypatch.setattr(run_writing, "save_figure", save_quickly)


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """Two models, a failed one, a set with one class, hostile names; page made. Read only."""
    run = EVERYTHING.write(tmp_path_factory.mktemp("runs") / "everything")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(run_writing, "save_figure", save_quickly)
        draw_plots(run, run.results())
    write_report([run])
    return run


@pytest.fixture(scope="session")
def page(everything: RunDirectory) -> str:
    """The page of the run with everything."""
    return (everything.path / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def _three_classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = SyntheticRun(
        models={"only": 1.0}, classes=("cat", "dog", "owl"), sets={"train": (6, 6, 6), "test": (5, 4, 3)}, seeds=(3,)
    )
    return run.write(tmp_path_factory.mktemp("runs") / "small").path


@pytest.fixture
def small(_three_classes: Path, tmp_path: Path) -> RunDirectory:
    """One model, one seed, three classes; neither plots nor page yet. Free to be damaged."""
    return RunDirectory(shutil.copytree(_three_classes, tmp_path / "small"))


@pytest.fixture(scope="session")
def two_seeds(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """One model, two seeds, two classes; neither plots nor page. Read only."""
    return SyntheticRun(models={"only": 1.0}).write(tmp_path_factory.mktemp("runs") / "two_seeds")
