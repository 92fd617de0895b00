"""What `kbin report` does: the page, tables and plots of one run again, or one page of several."""

from collections.abc import Sequence
from pathlib import Path

from kbin.errors import KbinError, StorageError
from kbin.interruption import safe_point
from kbin.report.comparison_page import COMPARISON_PAGE, write_comparison
from kbin.report.drawing_again import draw_changed_plots
from kbin.report.model_card import write_cards
from kbin.report.rendering import write_report
from kbin.report.table_files import write_tables
from kbin.run_files import RESULTS
from kbin.runs import RunDirectory


def remake(folders: Sequence[RunDirectory], out: Path | None = None, redraw: bool = False) -> Path:
    """Makes the page, tables, model cards and changed plots of one run, or a page that compares several.

    Args:
        folders: Finished runs.
        out: The page of several runs; `comparison.html` where one stands by default. One run's page is in its folder.
        redraw: Draw all plots of one run, changed or not.

    Returns:
        The page.

    Raises:
        KbinError: An option does not fit the number of runs.
        RunFolderError: A run is not finished, damaged or given twice.
        StorageError: A file cannot be written.
    """
    if len(folders) > 1:
        if redraw:
            raise KbinError("--redraw is for one run: a page of several leaves their plots alone.")
        return write_comparison(folders, out or Path(COMPARISON_PAGE))
    if out is not None:
        raise KbinError("--out is for a page of several runs: the page of one is report.html in its folder.")
    (run,) = folders
    try:
        draw_changed_plots(run, run.results(), redraw)
        safe_point()
        write_tables(run)
        write_cards(run)
        safe_point()
        return write_report([run])
    except StorageError as error:
        raise StorageError(
            f"{error} The run's results are all there, in {RESULTS}: `kbin report {run.path}` draws the rest."
        ) from None
