"""The page of a run: one file that asks nobody for anything, made from the run folder alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from kbin.errors import KbinError
from kbin.metric_names import METRICS
from kbin.report.audit_section import audit_section
from kbin.report.collapses import collapses
from kbin.report.costs import parameter_table, time_table
from kbin.report.difference_sections import comparison_methods, difference_sections
from kbin.report.gallery_sections import gallery_sections
from kbin.report.imbalance_section import imbalance
from kbin.report.model_sections import model_sections
from kbin.report.operating_point_section import operating_points
from kbin.report.overview import overview
from kbin.report.pictures import augmented_picture, cost_picture, curve_pictures, depth_pictures, prevalence_pictures
from kbin.report.plain_words import reading_line, reading_notes, summary_sentences
from kbin.report.probability_section import probabilities
from kbin.report.recorded import RunResults, read_results
from kbin.report.search_sections import search_section
from kbin.report.side_by_side import side_by_side
from kbin.report.tables import Footnotes, result_table
from kbin.report.wording import (
    count_text,
    duration_text,
    error_text,
    listed,
    share_text,
    time_text,
    train_blocks_text,
)
from kbin.run_files import REPORT
from kbin.runs import RunDirectory

LARGEST_PAGE = 4_800_000  # bytes: it is mailed, and opens at once
_MOST_OPEN_COLLAPSES = 2  # of one kind on one set; more unfold


@dataclass(frozen=True)
class PageSection:
    """One section of a page.

    Attributes:
        anchor: Where links lead.
        title: Its heading.
        template: The file of its markup.
        needs: Which of the page's contents it shows; without it the section is left out.
    """

    anchor: str
    title: str
    template: str
    needs: str


# In reading order: what was found, what it rests on, how it was made.
PAGE_SECTIONS = (
    PageSection("summary", "Summary", "summary.html", "sentences"),
    PageSection("data", "Data", "data.html", "results"),
    PageSection("bad-images", "Images left out", "bad_images.html", "bad_images"),
    PageSection("results", "Results", "results.html", "table"),
    PageSection("audit", "Why does the test set fall short?", "audit.html", "audit"),
    PageSection("comparisons", "Differences between models", "differences.html", "comparisons"),
    PageSection("sides", "Sets side by side", "side_by_side.html", "sides"),
    PageSection("curves", "Curves", "curves.html", "curves"),
    PageSection("operating-points", "Operating points", "operating_points.html", "points"),
    PageSection("probabilities", "Probabilities", "probabilities.html", "probabilities"),
    PageSection("imbalance", "Imbalance", "imbalance.html", "imbalance"),
    PageSection("gallery", "Images worth looking at", "gallery.html", "galleries"),
    PageSection("times", "Accuracy and time", "times.html", "times"),
    PageSection("parameters", "Parameters", "parameters.html", "parameters"),
    PageSection("search", "Search", "search.html", "searches"),
    PageSection("models", "Models", "models.html", "sections"),
    PageSection("augmented", "Augmented training images", "augmented.html", "augmented"),
    PageSection("origin", "How it was made", "origin.html", "settings"),
)


# Contents with pictures -> what they are called; what is missed least goes first.
_CAN_BE_LEFT_OUT = {
    "depths": "metrics over the trained blocks",
    "sections": "learning curves",
    "prevalence": "curves of other shares of positives",
    "curves": "ROC and precision-recall curves",
}


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
    run.write(path, _page(run, read_results(run.results())))
    return path


def _page(run: RunDirectory, results: RunResults) -> str:
    """Returns the page: what is too much for it stays in the run's folder, and pictures have the room left."""
    contents = _contents(run, results)
    page = rendered(contents)
    left_out = []
    for name, title in _CAN_BE_LEFT_OUT.items():
        if len(page.encode()) <= LARGEST_PAGE:
            break
        left_out.append(title)
        note = f"Left out of this page for its size: {listed(left_out)}. They are in the run's folder, as plots/."
        contents |= _without(name, contents) | {"notes": [*reading_notes(results), note]}
        page = rendered(contents)
    # The audit has half of the room at most, or it would leave none for the galleries.
    audit = audit_section(run, (LARGEST_PAGE - len(page.encode())) // 2)
    if audit is not None:
        contents |= {"audit": audit}
        page = rendered(contents)
    galleries = gallery_sections(run, results, LARGEST_PAGE - len(page.encode()))
    return rendered(contents | {"galleries": galleries}) if galleries else page


def _without(name: str, contents: Mapping[str, Any]) -> dict[str, Any]:
    if name == "sections":
        return {name: [replace(section, learning=()) for section in contents[name]]}
    return {name: {}}


def rendered(contents: Mapping[str, Any]) -> str:
    """Returns a page with those of `PAGE_SECTIONS` that its contents fill.

    Args:
        contents: What the templates show, by name; `report.html` needs `results` and `facts`, each section its own.
    """
    sections = [section for section in PAGE_SECTIONS if contents.get(section.needs)]
    return _templates().get_template("report.html").render(contents, page_sections=sections)


def _contents(run: RunDirectory, results: RunResults) -> dict[str, Any]:
    """Returns everything that the page of one run shows."""
    environment = run.environment()
    footnotes = Footnotes()
    table = result_table(results, footnotes)
    return {
        "results": results,
        "sentences": summary_sentences(results),
        "audit": audit_section(run, room=0),
        "collapses": collapses(results),
        "most_open": _MOST_OPEN_COLLAPSES,
        "reading_line": reading_line(results),
        "bad_images": results.bad_images if results.bad_images is not None and results.bad_images.count else None,
        "overview": overview(results, table),
        "table": table if results.done else None,
        "notes": reading_notes(results),
        "glossary": METRICS,
        "comparisons": difference_sections(results),
        "methods": comparison_methods(results),
        "sides": side_by_side(results, footnotes),
        "curves": curve_pictures(run, results),
        "points": operating_points(results),
        "probabilities": probabilities(run, results),
        "imbalance": imbalance(results),
        "prevalence": prevalence_pictures(run, results),
        "galleries": [],
        "times": time_table(results) if results.done else None,
        "cost": cost_picture(run, results),
        "parameters": parameter_table(results),
        "depths": depth_pictures(run, results),
        "searches": search_section(run, results),
        "sections": model_sections(run, results),
        "augmented": augmented_picture(run),
        "settings": run.settings_text(),
        "facts": _facts(environment),
        "packages": _packages(environment),
    }


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
