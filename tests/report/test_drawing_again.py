import shutil
import subprocess
import sys

import pytest

from kbin.errors import RunFolderError
from kbin.report import drawing_again
from kbin.report.drawing_again import draw_changed_plots
from kbin.runs import RunDirectory


@pytest.fixture
def drawn(small, quick_pictures) -> RunDirectory:
    """A run whose plots have just been drawn."""
    assert draw_changed_plots(small, small.results())
    return small


def test_plots_that_are_there_are_not_drawn_again(drawn):
    assert not draw_changed_plots(drawn, drawn.results())


def test_a_copied_folder_keeps_its_plots(drawn, tmp_path):
    copy = RunDirectory(shutil.copytree(drawn.path, tmp_path / "copy", copy_function=shutil.copyfile))

    assert not draw_changed_plots(copy, copy.results())


def test_a_person_can_have_them_drawn_in_any_case(drawn):
    assert draw_changed_plots(drawn, drawn.results(), redraw=True)


def test_a_missing_plot_is_drawn(drawn):
    missing = drawn.plot_path("roc-test").with_suffix(".svg")
    missing.unlink()

    assert draw_changed_plots(drawn, drawn.results())
    assert missing.is_file()
    assert not draw_changed_plots(drawn, drawn.results())


def test_a_plot_cut_short_is_drawn(drawn):
    path = drawn.plot_path("learning_curves", "only", 3)
    path.write_bytes(path.read_bytes()[:10])

    assert draw_changed_plots(drawn, drawn.results())


def test_other_results_predictions_or_histories_are_drawn(drawn):
    folder = drawn.model_folder("only", 3)
    results = drawn.results()
    results["notes"] = ["another"]
    assert draw_changed_plots(drawn, results)

    for path in (folder / "predictions" / "test.csv", folder / "history.csv"):
        draw_changed_plots(drawn, drawn.results())
        path.write_text(path.read_text().rstrip("\n") + "\n\n")
        assert draw_changed_plots(drawn, drawn.results())


def test_what_other_code_drew_is_drawn_again(drawn, monkeypatch):
    monkeypatch.setattr(drawing_again, "_DRAWING_CODE", ("report",))

    assert draw_changed_plots(drawn, drawn.results())


def test_a_damaged_note_of_what_was_drawn_is_no_note(drawn):
    (drawn.path / "plots" / "drawn.json").write_text("{")

    assert draw_changed_plots(drawn, drawn.results())


def test_a_file_that_cannot_be_read_is_said_to_be_one(drawn):
    path = drawn.model_folder("only", 3) / "predictions" / "more.csv"
    path.mkdir()

    with pytest.raises(RunFolderError, match=r"predictions/more\.csv cannot be read \(IsADirectoryError\)\."):
        draw_changed_plots(drawn, drawn.results())


@pytest.mark.parametrize("place", ["predictions/more.csv", "plots/more.png"])
def test_what_leads_out_of_the_folder_is_not_read(drawn, tmp_path, place):
    (tmp_path / "secret").write_text("secret")
    (drawn.model_folder("only", 3) / place).symlink_to(tmp_path / "secret")

    with pytest.raises(RunFolderError, match=rf"{place} leads out of the run's folder"):
        draw_changed_plots(drawn, drawn.results())


AGAIN = """
import sys
sys.argv[0] = "kbin"
from kbin.cli import main
try:
    main()
finally:
    heavy = [name for name in ("keras", "torch", "tensorflow", "matplotlib.figure") if name in sys.modules]
    print("loaded:", *heavy, file=sys.stderr)
"""


def test_a_second_report_loads_neither_networks_nor_what_draws(drawn):
    done = subprocess.run(
        [sys.executable, "-c", AGAIN, "report", str(drawn.path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, f"{drawn.path}/report.html\n")
    assert done.stderr == "loaded:\n"
    assert (drawn.path / "tables" / "results.csv").is_file()
