import json

import numpy as np

from kbin.audit.findings import Check, Finding, FindingTable, ImageStrip, Outcome, ShownImage
from kbin.auditing.plain_findings import plain_finding
from tests.audit.audited import audit_inputs, audited_set

CHECK = Check("odd-images", "Odd images", "medium", lambda inputs: Outcome("clean", ""))


def plain(**ended):
    inputs = audit_inputs(audited_set("train", np.array([0, 1])), audited_set("test", np.array([1, 0, 1])))
    outcome = Outcome(**({"outcome": "found", "summary": "Two images are odd."} | ended))
    return plain_finding(Finding(CHECK, outcome), inputs, {("test", 2): "pictures/ab.jpg"})


def test_a_shown_image_has_its_set_name_path_label_and_picture():
    strip = ImageStrip("the oddest", (ShownImage("test", 2, "very odd"), ShownImage("train", 0)))
    assert plain(strips=(strip,))["strips"] == [
        {
            "title": "the oddest",
            "images": [
                {
                    "set": "test",
                    "sample_id": "test/00002.png",
                    "path": "test/00002.png",
                    "label": "dog",
                    "caption": "very odd",
                    "file": "pictures/ab.jpg",
                },
                {
                    "set": "train",
                    "sample_id": "train/00000.png",
                    "path": "train/00000.png",
                    "label": "cat",
                    "caption": "",
                    "file": None,
                },
            ],
        }
    ]


def test_numbers_of_numpy_are_plain_and_what_is_no_number_is_null():
    entry = plain(
        strength=np.float32(0.5),
        values={"n": np.int64(3), "auc": np.nan, "by_set": {"test": np.array([1.5, np.inf])}},
        tables=(FindingTable("how odd", ("image", "oddness"), (("a", np.float64(2.0)), ("b", float("nan")))),),
    )
    assert json.loads(json.dumps(entry, allow_nan=False)) == entry
    assert entry["strength"] == 0.5
    assert entry["values"] == {"n": 3, "auc": None, "by_set": {"test": [1.5, None]}}
    assert entry["tables"] == [{"title": "how odd", "columns": ["image", "oddness"], "rows": [["a", 2.0], ["b", None]]}]


def test_a_check_may_find_worse_than_it_usually_does():
    assert plain()["severity"] == "medium"
    assert plain(severity="high")["severity"] == "high"
