"""kbin compares pretrained image backbones on a person's own images, and says only what the data can support.

Importing it selects Keras's torch backend; the public names load Keras only when they are used.
"""

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if "keras" in sys.modules:
    _backend = sys.modules["keras"].backend.backend()
    if _backend != "torch":
        raise ImportError(
            f"kbin runs Keras on torch, but Keras was already imported on '{_backend}'. "
            "Import kbin before keras, or set the environment variable KERAS_BACKEND=torch."
        )
else:
    # Keras reads this once, at its own first import, and fails where its default, TensorFlow, is missing.
    os.environ["KERAS_BACKEND"] = "torch"

if TYPE_CHECKING:
    from kbin.deploy.estimator import ImageClassifier
    from kbin.deploy.loaded_model import load_model
    from kbin.deploy.loaded_run import load_run
    from kbin.deploy.tracking.mlflow_logger import MlflowLogger
    from kbin.deploy.tracking.tensorboard_logger import TensorBoardLogger
    from kbin.explain.grad_cam import grad_cam
    from kbin.models.classifiers import build_classifier
    from kbin.models.parameters import parameter_table
    from kbin.training.callbacks import MetricLogger, RocPlot

_PUBLIC = {
    "build_classifier": "kbin.models.classifiers",
    "export_model": "kbin.deploy.export",
    "grad_cam": "kbin.explain.grad_cam",
    "ImageClassifier": "kbin.deploy.estimator",
    "load_model": "kbin.deploy.loaded_model",
    "load_run": "kbin.deploy.loaded_run",
    "parameter_table": "kbin.models.parameters",
    "MetricLogger": "kbin.training.callbacks",
    "MlflowLogger": "kbin.deploy.tracking.mlflow_logger",
    "RocPlot": "kbin.training.callbacks",
    "TensorBoardLogger": "kbin.deploy.tracking.tensorboard_logger",
}

__all__ = [
    "ImageClassifier",
    "MetricLogger",
    "MlflowLogger",
    "RocPlot",
    "TensorBoardLogger",
    "__version__",
    "build_classifier",
    "export_model",
    "grad_cam",
    "load_model",
    "load_run",
    "parameter_table",
]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'kbin' has no attribute '{name}'; it offers {', '.join(__all__)}")


def __dir__() -> list[str]:
    return list(__all__)
