"""tables/*.csv, results.md and audit.md: what a run found, for spreadsheets, from its results.json and its audit alone.

People open these files in a spreadsheet, which would run a class named `=SUM(1)` as a formula: such text gets an
apostrophe in front (see `RunDirectory.save_table`). Programs that need names exactly as they are read results.json,
predictions/*.csv, out_of_fold.csv and search.csv, which hold them unchanged.
"""

from collections.abc import Callable

from kbin.audit_files import AuditFiles
from kbin.report.audit_rows import audit_rows, markdown_audit
from kbin.report.comparison_rows import comparison_rows, letter_rows
from kbin.report.cost_rows import block_rows, parameter_rows, time_rows
from kbin.report.markdown_table import markdown_results
from kbin.report.probability_rows import calibration_bin_rows, calibration_rows, prevalence_rows
from kbin.report.recorded import RunResults, read_results
from kbin.report.recorded_audit import read_audit
from kbin.report.table_rows import (
    PlainTable,
    baseline_rows,
    class_rows,
    confusion_rows,
    point_rows,
    result_rows,
    seed_rows,
    undefined_rows,
)
from kbin.runs import RunDirectory

TABLES: dict[str, Callable[[RunResults], PlainTable]] = {
    "results": result_rows,
    "undefined": undefined_rows,
    "seeds": seed_rows,
    "classes": class_rows,
    "confusion": confusion_rows,
    "comparisons": comparison_rows,
    "letters": letter_rows,
    "operating_points": point_rows,
    "baselines": baseline_rows,
    "prevalence": prevalence_rows,
    "calibration": calibration_rows,
    "calibration_bins": calibration_bin_rows,
    "parameters": parameter_rows,
    "blocks": block_rows,
    "times": time_rows,
}


def write_tables(run: RunDirectory) -> None:
    """Writes every table that has rows, and removes those of an earlier report that have none now.

    Args:
        run: The folder of a finished run.

    Raises:
        RunFolderError: Results are missing or damaged, or an audit is damaged.
    """
    results = read_results(run.results())
    for name, rows_of in TABLES.items():
        table = rows_of(results)
        run.save_table(name, table.columns, table.rows)
    run.save_table_text("results", markdown_results(results) if results.done else "")
    contents = AuditFiles(run).read()
    audit = None if contents is None else read_audit(contents)
    table = PlainTable((), ()) if audit is None else audit_rows(audit)
    run.save_table("audit", table.columns, table.rows)
    run.save_table_text("audit", "" if audit is None else markdown_audit(audit))
