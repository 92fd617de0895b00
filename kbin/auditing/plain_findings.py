"""A finding as findings.json has it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from kbin.audit.findings import Finding, ShownImage
from kbin.audit.inputs import AuditInputs


def plain_finding(finding: Finding, inputs: AuditInputs, pictures: Mapping[tuple[str, int], str]) -> dict[str, Any]:
    """Returns a finding in plain JSON values; what is no finite number is null.

    Args:
        finding: It.
        inputs: What was looked at.
        pictures: (set name, index) -> the place of the image's picture.
    """
    ended = finding.ended
    return {
        "code": finding.check.code,
        "title": finding.check.title,
        "severity": finding.severity,
        "outcome": ended.outcome,
        "summary": ended.summary,
        "details": list(ended.details),
        "next_step": ended.next_step,
        "strength": _plain(ended.strength),
        "values": _plain(ended.values),
        "tables": [
            {"title": one.title, "columns": list(one.columns), "rows": _plain(one.rows)} for one in ended.tables
        ],
        "strips": [
            {"title": strip.title, "images": [_image(one, inputs, pictures) for one in strip.images]}
            for strip in ended.strips
        ],
    }


def _image(image: ShownImage, inputs: AuditInputs, pictures: Mapping[tuple[str, int], str]) -> dict[str, str | None]:
    one = inputs.sets[image.set_name]
    return {
        "set": image.set_name,
        "sample_id": str(one.sample_ids[image.index]),
        "path": str(one.paths[image.index]),
        "label": inputs.classes[int(one.labels[image.index])],
        "caption": image.caption,
        "file": pictures.get((image.set_name, image.index)),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    return None if isinstance(value, float) and not np.isfinite(value) else value
