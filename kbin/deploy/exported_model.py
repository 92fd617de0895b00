"""What an export has made: for a person, for a program, and in the file beside the model's."""

import hashlib
import importlib.metadata
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kbin.data.wording import counted
from kbin.deploy.export_targets import INPUT, OUTPUT
from kbin.files import as_json
from kbin.model_description import ModelDescription

_LEAST_SPREAD = 0.05
_PACKAGES = ("kbin", "keras", "torch", "onnx", "onnxscript", "onnxruntime", "openvino")


@dataclass(frozen=True)
class ExportedModel:
    """What an export has made.

    Attributes:
        path: The model's file.
        description_path: The JSON beside it: what `model.json` says, and how the file was checked.
        format: "onnx", "openvino" or "torch".
        num_images: On how many images it was compared with Keras.
        images: Where these come from, in words.
        are_real: Whether they are real images.
        largest_difference: Of a probability, between the file and Keras.
        lowest: Of Keras's probabilities for these images.
        highest: Of Keras's probabilities for these images.
    """

    path: Path
    description_path: Path
    format: str
    num_images: int
    images: str
    are_real: bool
    largest_difference: float
    lowest: float
    highest: float

    def as_plain(self) -> dict[str, Any]:
        """Returns it as plain values, for JSON."""
        return {name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()}

    def lines(self) -> list[str]:
        """Returns what a person should know of it."""
        difference = f"at most {self.largest_difference:.1g}"
        lines = [
            f"{self.path}; what it takes and gives is in {self.description_path.name}",
            f"compared with Keras on {counted(self.num_images, 'image')} ({self.images}), one alone and in batches: "
            f"probabilities from {self.lowest:.2g} to {self.highest:.2g} differ by {difference}",
        ]
        if self.highest - self.lowest < _LEAST_SPREAD:
            lines.append("These images hardly differ for the model, so this says little: give others by --images.")
        return lines

    def description_text(self, description: ModelDescription, written: Path) -> str:
        """Returns the JSON that stands beside the model's file.

        Args:
            description: What `model.json` says.
            written: Where the file is by now.
        """
        with written.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        size = description.input.size
        return as_json(
            {
                "format": self.format,
                "file": self.path.name,
                "sha256": digest,
                "input": {"name": INPUT, "type": "uint8", "shape": ["batch", size, size, 3]},
                "output": {"name": OUTPUT, "type": "float32"},
                "compared_with_keras": {
                    "largest_difference": self.largest_difference,
                    "images": self.num_images,
                    "are_real": self.are_real,
                    "probabilities_from": self.lowest,
                    "probabilities_to": self.highest,
                },
                "versions": {name: version for name in _PACKAGES if (version := _version(name)) is not None},
                "model": description.model_dump(mode="json"),
            }
        )


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
