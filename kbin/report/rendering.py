"""The page of a run: one file that asks nobody for anything, made from the run folder alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from kbin.errors import KbinError
from kbin.metric_names import METRICS
from kbin.report.costs import parameter_table, time_table
from kbin.report.gallery_sections import gallery_sections
from kbin.report.model_sections import THRESHOLD_COLUMNS, model_sections
from kbin.report.pictures import augmented_picture, cost_picture, curve_pictures, depth_pictures, prevalence_pictures
from kbin.report.plain_words import collapse_sentences, reading_notes, summary_sentences
from kbin.report.recorded import RunResults, read_results
from kbin.report.search_sections import search_section
from kbin.report.side_by_side import side_by_side
from kbin.report.tables import Footnotes, overview, result_table
from kbin.report.wording import (
    count_text,
    duration_text,
    error_text,
    share_text,
    time_text,
    train_blocks_text,
)
from kbin.runs import REPORT, RunDirectory, write_whole

_MOST_COLLAPSES = 6  # in the open; the others unfold


def write_report(runs: Sequence[RunDirectory]) -> Path:
    """Writes report.html into a run's folder and returns its path.

    Args:
        runs: The run, finished and with its plots drawn.

    Raises:
        KbinError: There is not exactly one run.
        RunFolderError: The run is not finished, or its folder is damaged.
    """
    if len(runs) != 1:
        raise KbinError(f"a page shows one run, got {len(runs)} folders: make a page for each of them.")
    run = runs[0]
    path = run.path / REPORT
    write_whole(path, _page(run, read_results(run.results())))
    return path


def _page(run: RunDirectory, results: RunResults) -> str:
    environment = run.environment()
    footnotes = Footnotes()
    table = result_table(results, footnotes)
    return (
        _templates()
        .get_template("report.html")
        .render(
            results=results,
            sentences=summary_sentences(results),
            collapses=collapse_sentences(results),
            most_collapses=_MOST_COLLAPSES,
            searches=search_section(run, results),
            notes=reading_notes(results),
            table=table,
            overview=overview(results, table),
            sides=side_by_side(results, footnotes),
            curves=curve_pictures(run, results),
            prevalence=prevalence_pictures(run, results),
            times=time_table(results),
            cost=cost_picture(run, results),
            parameters=parameter_table(results),
            depths=depth_pictures(run, results),
            augmented=augmented_picture(run),
            galleries=gallery_sections(run, results),
            sections=model_sections(run, results),
            glossary=METRICS,
            threshold_columns=THRESHOLD_COLUMNS,
            settings=run.settings_text(),
            facts=_facts(environment),
            packages=_packages(environment),
        )
    )


def _templates() -> Environment:
    # Class and file names are other people's text: everything that is filled in is escaped.
    environment = Environment(
        loader=PackageLoader("kbin.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "count_of": count_text,
        "duration": duration_text,
        "error": error_text,
        "moment": time_text,
        "share": share_text,
        "train_blocks": train_blocks_text,
    }
    return environment


def _facts(environment: Mapping[str, Any]) -> dict[str, str]:
    """Returns environment.json without its versions, lists in one line."""
    return {
        str(name): ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in environment.items()
        if value is not None and not isinstance(value, dict)
    }


def _packages(environment: Mapping[str, Any]) -> dict[str, str]:
    packages = environment.get("packages")
    return {str(name): str(version) for name, version in packages.items()} if isinstance(packages, dict) else {}
