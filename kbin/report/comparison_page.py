"""One page for several runs: one file that asks nobody for anything, made from the run folders alone."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from kbin.errors import RunFolderError, StorageError
from kbin.files import write_whole
from kbin.report.compared_runs import ComparedModel, ComparedRun, read_runs
from kbin.report.compared_sets import set_section
from kbin.report.comparison_words import (
    caution_about_images,
    caution_about_seeds,
    collapses,
    differing_sets,
    nothing_tested,
    runs_without_results,
)
from kbin.report.run_settings import differing_run_settings
from kbin.report.shared_sets import shared_sets
from kbin.report.tables import Cell, Footnotes
from kbin.report.wording import UNDEFINED, count_text, time_text, trained_text
from kbin.runs import RunDirectory

COMPARISON_PAGE = "comparison.html"
_GENERATOR = "kbin comparison"
_MOST_COLLAPSES = 6  # in the open; the others unfold
_READ_FOR_GENERATOR = 1000  # bytes; the element stands before the styles


@dataclass(frozen=True)
class RunRow:
    """One run: its folder and the way to its own page from here, "" where it has none."""

    label: str
    experiment: str
    folder: str
    link: str
    started: str
    num_models: int
    num_seeds: int
    version: str


@dataclass(frozen=True)
class ModelRow:
    """One model: what it is, and its trained and all parameters, learning rate and seconds over all seeds."""

    name: str
    run: str
    backbone: str
    trained: str
    cells: tuple[Cell, ...]


def write_comparison(folders: Sequence[RunDirectory], path: Path) -> Path:
    """Writes one page about several runs and returns its path.

    Args:
        folders: Finished runs, at least two.
        path: The page; one that is there already is replaced if kbin made it.

    Raises:
        RunFolderError: A run is given twice, not finished or damaged, or something else lies at `path`.
        StorageError: It cannot be written.
    """
    if path.exists() and not _is_comparison(path):
        raise RunFolderError(
            f"{path} is there already and is no page that `kbin report` made of several runs: choose another with "
            "--out."
        )
    page = _page(read_runs(folders), path)
    try:
        write_whole(path, page)
    except StorageError as error:
        raise StorageError(f"{error} Another file is chosen with --out.") from None
    return path


def _is_comparison(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return f'<meta name="generator" content="{_GENERATOR}'.encode() in stream.read(_READ_FOR_GENERATOR)
    except OSError:
        return False


def _page(runs: Sequence[ComparedRun], path: Path) -> str:
    sets, footnotes = shared_sets(runs), Footnotes()
    settings = differing_run_settings(runs)
    sections = [set_section(one, runs, f"set-{index}", footnotes) for index, one in enumerate(sets, start=1)]
    found = [
        f"On “{one.shared.name}” ({count_text(len(one.shared.images), 'image')}): {' '.join(one.sentences)}"
        for one in sections
        if one.shared.is_test and one.sentences
    ]
    return (
        _templates()
        .get_template("comparison_page.html")
        .render(
            generator=_GENERATOR,
            runs=[_run_row(run, path) for run in runs],
            num_models=count_text(sum(len(run.models) for run in runs), "model"),
            sentences=found
            or [nothing_tested([one.shared for one in sections], [one.shared for one in sections if one.pairs])],
            differences=differing_sets(sets),
            collapses=collapses(sets),
            most_collapses=_MOST_COLLAPSES,
            without=runs_without_results(runs),
            cautions=[
                one
                for one in (
                    caution_about_seeds(runs) if any(one.pairs for one in sections) else "",
                    caution_about_images(settings),
                )
                if one
            ],
            settings=settings,
            sections=sections,
            footnotes=footnotes.texts,
            models=[_model_row(run, one) for run in runs for one in run.models],
        )
    )


def _run_row(run: ComparedRun, page: Path) -> RunRow:
    environment = run.folder.environment()
    packages = environment.get("packages")
    version = packages.get("kbin") if isinstance(packages, dict) else None
    commit = environment.get("commit")
    return RunRow(
        run.label,
        run.results.experiment,
        str(run.folder.path),
        _link(run.folder.report_path, page),
        time_text(str(environment.get("started") or UNDEFINED)),
        len(run.results.models),
        run.results.num_seeds,
        f"{version or UNDEFINED}{f' ({str(commit)[:12]})' if commit else ''}",
    )


def _link(report: Path, page: Path) -> str:
    """Returns a run's page as seen from another; the two may be moved together."""
    if not report.is_file():
        return ""
    try:
        relative = os.path.relpath(report.resolve(), page.resolve().parent)
    except ValueError:  # another drive
        return report.resolve().as_uri()
    return quote(Path(relative).as_posix())  # a colon too: `javascript:...` is a folder's name here and no address


def _model_row(run: ComparedRun, one: ComparedModel) -> ModelRow:
    model, total = one.model, sum(one.model.seconds.values())
    cells = [Cell(f"{count:,}", count) for count in (model.parameters.trainable, model.parameters.total)]
    cells.append(Cell(f"{model.learning_rate:g}", model.learning_rate))
    cells.append(Cell(f"{total:,.1f}", total) if model.seconds else Cell(UNDEFINED, None, reason="not recorded"))
    weights = f"{model.backbone}, {model.weights}"
    return ModelRow(one.name, run.label, weights, trained_text(model.train_blocks), tuple(cells))


def _templates() -> Environment:
    # Class and file names are other people's text: everything that is filled in is escaped.
    return Environment(
        loader=PackageLoader("kbin.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
