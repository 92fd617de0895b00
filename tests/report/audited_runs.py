"""Audits of synthetic runs: findings.json as an audit writes it, with pictures."""

import io
from collections.abc import Mapping
from typing import Any

from PIL import Image

from kbin.audit_files import AuditFiles
from kbin.runs import RunDirectory


def jpeg(shade: int = 90, side: int = 48) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (side, side), (shade, 120, 150)).save(stream, "JPEG")
    return stream.getvalue()


def image(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "set": "test",
        "sample_id": f"cells/{number:04}.png",
        "path": f"cells/{number:04}.png",
        "label": "defective",
        "caption": f"looks functional ({number})",
        "file": f"pictures/{number:04x}.jpg",
    } | changes


def finding(code: str, outcome: str = "found", **changes: Any) -> dict[str, Any]:
    """Returns a finding of no tables and no images; `changes` are its parts."""
    return {
        "code": code,
        "title": f"Title of {code}",
        "severity": "medium",
        "outcome": outcome,
        "summary": f"Summary of {code}.",
        "details": [],
        "next_step": "",
        "strength": 0.5,
        "values": {},
        "tables": [],
        "strips": [],
    } | changes


DRIFT = finding(
    "drift-features",
    title="The sets look different",
    summary="A classifier tells “poly” from “train” with a ROC AUC of 0.998 (n = 2,195).",
    details=["Permutation test: p = 0.005.", "Of 200 permutations none did as well."],
    next_step="Collect 200 labelled images like those of “poly”, and train with them.",
    tables=[
        {
            "title": "What tells them apart",
            "columns": ["Property", "train", "poly", "Images", "Beyond chance"],
            "rows": [["brightness", 0.41234, 0.5, 1550, True], ["sharpness", 1234.5, None, 1550, False]],
        }
    ],
    strips=[{"title": "Most unlike the training set", "images": [image(number) for number in range(1, 9)]}],
)
COPIES = finding(
    "exact-copies",
    title="The same image twice",
    severity="high",
    summary="12 images of “test” are in “train” too.",
    next_step="Leave the 12 images out of “test”.",
    strips=[{"title": "A pair", "images": [image(20), image(21, set="train")]}],
)
AUDIT: dict[str, Any] = {
    "findings": [
        COPIES,
        DRIFT,
        finding("label-noise", "clean", title="Labels that look wrong", summary="At most 1.2% of the labels."),
        finding("shortcuts", "not_applicable", title="Shortcuts", summary="There are no features: all was trained."),
    ],
    "verdict": {
        "question": "Why does “poly” fall short of “test”?",
        "answer": "good is right on 71.2% of “poly” and on 84.0% of “test”: 12.8 points less.",
        "explanations": [
            {
                "code": "drift-features",
                "sentence": "The sets differ. That is enough to explain it.",
                "weight": "strong",
            },
            {"code": "exact-copies", "sentence": "12 images are in both.", "weight": "weak"},
        ],
        "ruled_out": [
            "The share of the classes does not explain it.",
            "Labels that look wrong: At most 1.2% of the labels.",
        ],
        "not_tested": ["Shortcuts: There are no features: all was trained."],
        "next_steps": [
            {
                "sentence": "Collect 200 labelled images like those of “poly”, and train with them.",
                "code": "drift-features",
            },
            {"sentence": "Leave the 12 images out of “test”.", "code": "exact-copies"},
        ],
    },
    "features_of": "good",
    "audited": "2026-01-02T03:04:05+00:00",
}


def save_audit(run: RunDirectory, audit: Mapping[str, Any] = AUDIT) -> RunDirectory:
    """Writes an audit into a run's folder, with a picture of every image, and returns the run."""
    files = AuditFiles(run)
    files.save(audit)
    for one in audit["findings"]:
        for strip in one["strips"]:
            for shown in strip["images"]:
                name = shown["file"].removeprefix("pictures/").removesuffix(".jpg")
                files.save_picture(name, jpeg(len(shown["path"])))
    return run
