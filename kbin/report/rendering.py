"""The page of a run."""

from pathlib import Path

from kbin.runs import RunDirectory, write_whole


def write_report(runs: list[RunDirectory]) -> Path:
    """Writes report.html into the run's folder and returns its path."""
    path = runs[0].path / "report.html"
    write_whole(path, "<!doctype html><title>kbin</title>")
    return path
