"""What file properties, borders and thumbnails reach on real images, and is a format that gives the class away found?

The model beside them is a logistic regression on the features of a frozen EfficientNet-Lite0, trained on train. Then
images of one class are saved again, as PNG or as JPEG of another quality, a sample of 600 images a seed.

Run: python -m experiments.benchmarks.shortcut_baselines --data FOLDER --images FOLDER [--seeds 20]
The first folder holds NAME.npz files with features (n, d), labels (n,), split (n,), paths (n,), classes; the second one
NAME/path, the images.
Measured, ROC AUC on the test set with its 95 % interval (of four classes the mean of each against the others):
- covid4-128 (n = 800): border .887 (.864-.910), bytes .605 (.560-.650), brightness, contrast, colour and sharpness .750
  (.712-.788), thumbnail .954 (.940-.969); linear head .991 (.986-.995). File properties are the same for all.
- pneumoniamnist (n = 624): border .844 (.808-.874), bytes .872 (.842-.897), brightness and the like .902 (.876-.923),
  thumbnail .926 (.898-.948), which the linear head, .949 (.926-.965), does not clearly beat.
- cifar10-pair (n = 2,000): border .824 (.805-.842), bytes .856, brightness and the like .887, thumbnail .907; linear
  head .997.
- planted, 20 samples each: positives saved as PNG found 20 of 20, as JPEG of quality 60 20 of 20 (AUC 1.000, the fact
  named); saved again in no way, file properties are found in 0 of 20 (the border is, as in the whole set).
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from experiments.benchmarks.measuring import show
from kbin.audit.findings import Outcome
from kbin.audit.inputs import AuditInputs
from kbin.audit.shortcuts import CHECK
from tests.audit.audited import audit_inputs, measured_set

_PLANTED_ON = "cifar10-pair"
_PLANTED_IMAGES = 600
_WAYS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "PNG": {"format": "PNG"},
    "JPEG of quality 60": {"format": "JPEG", "quality": 60},
}


def with_model(arrays: dict[str, np.ndarray], folder: Path) -> AuditInputs:
    """Returns a data set's inputs with a linear head as the model."""
    features, labels, split = arrays["features"], arrays["labels"], arrays["split"]
    head = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500))
    head.fit(features[split == "train"], labels[split == "train"])
    sets = []
    for name in ("train", "validation", "test"):
        places = np.flatnonzero(split == name)
        rows = head.predict_proba(features[places])
        probabilities = {"linear head": rows[None, :, 1] if rows.shape[1] == 2 else rows[None]}
        files = [folder / str(path) for path in arrays["paths"][places]]
        sets.append(measured_set(name, files, labels[places], features=features[places], probabilities=probabilities))
    classes = tuple(str(name) for name in arrays["classes"])
    return audit_inputs(*sets, classes=classes, thresholds={"linear head": np.array([0.5])})


def planted(arrays: dict[str, np.ndarray], folder: Path, seed: int, options: dict[str, Any]) -> Outcome:
    """Returns what is found where the positives were saved again with these options."""
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as scratch:
        sets = []
        for name, number in (("train", 2 * _PLANTED_IMAGES // 3), ("test", _PLANTED_IMAGES // 3)):
            places = rng.choice(np.flatnonzero(arrays["split"] == name), number, replace=False)
            labels, files = arrays["labels"][places], []
            for place, label in zip(places, labels, strict=True):
                path = folder / str(arrays["paths"][place])
                if label == 1 and options:
                    copy = Path(scratch) / f"{place}.{options['format'].lower()}"
                    with Image.open(path) as image:
                        image.save(copy, **options)
                    path = copy
                files.append(path)
            sets.append(measured_set(name, files, labels))
        return CHECK.run(audit_inputs(*sets, classes=tuple(str(name) for name in arrays["classes"])))


def main() -> None:
    """Prints the baselines of each data set, then what planting gives."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--names", nargs="+", default=["covid4-128", "pneumoniamnist"])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for name in options.names:
        with np.load(options.data / f"{name}.npz") as stored:
            ended = CHECK.run(with_model(dict(stored), options.images / name))
        for what, auc, low, high, accuracy, least, most in ended.tables[0].rows:
            rows.append(
                {
                    "data": name,
                    "what it sees": what,
                    "AUC": f"{auc:.3f}" + ("" if low is None else f" ({low:.3f}-{high:.3f})"),
                    "accuracy": f"{accuracy:.3f} ({least:.3f}-{most:.3f})",
                }
            )
    show(rows, options.json)
    with np.load(options.data / f"{_PLANTED_ON}.npz") as stored:
        arrays = dict(stored)
    rows = []
    for way, saving in _WAYS.items():
        trials = [planted(arrays, options.images / _PLANTED_ON, seed, saving) for seed in range(options.seeds)]
        file_view = [one.values["sets"]["test"]["views"] for one in trials]
        named = [views.get("file: size in pixels, format, mode, JPEG quality") for views in file_view]
        rows.append(
            {
                "saved again": way,
                "trials": len(trials),
                "file properties found": sum("properties of the file" in one.summary for one in trials),
                "AUC": "none" if named[0] is None else f"{np.mean([one['auc'] for one in named]):.3f}",
                "first": trials[0].summary,
            }
        )
    show(rows, options.json)


if __name__ == "__main__":
    main()
