"""What a model can be exported to: how its file is written, and how the target's own runtime runs it."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from kbin.deploy.quiet_libraries import quiet
from kbin.errors import KbinError, MissingExtraError, unknown_name

if TYPE_CHECKING:
    from torch.export import ExportedProgram

INPUT, OUTPUT = "images", "probabilities"
_DESCRIPTION = "kbin"  # the name under which a file holds its description

Probabilities = npt.NDArray[np.float32]
Predict = Callable[[npt.NDArray[np.uint8]], Probabilities]
Write = Callable[["ExportedProgram", Path, str], None]


@dataclass(frozen=True)
class Target:
    """One format.

    Attributes:
        name: As `--format` takes it.
        suffix: Of its file.
        companions: Suffixes of the files that belong to it.
        extra: The extra of kbin's that brings its packages; "" where kbin needs them anyway.
        packages: What is imported to write, check and run the file.
        write: Writes a program to a path, with a description inside.
        open: Opens the file with the target's own runtime, in float32.
    """

    name: str
    suffix: str
    companions: tuple[str, ...]
    extra: str
    packages: tuple[str, ...]
    write: Write
    open: Callable[[Path], Predict]

    def check_installed(self) -> None:
        """Looks for the packages.

        Raises:
            MissingExtraError: One is not installed.
        """
        missing = [name for name in self.packages if importlib.util.find_spec(name) is None]
        if missing:
            raise MissingExtraError(
                f"--format {self.name} needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not "
                f"installed: `pip install 'kbin[{self.extra}]'`."
            )


def find_target(name: str) -> Target:
    """Returns a format by name.

    Raises:
        KbinError: There is no such format.
    """
    for target in TARGETS:
        if target.name == name:
            return target
    raise KbinError(f"--format: {unknown_name('format', name, [target.name for target in TARGETS])}")


def _write_onnx(program: "ExportedProgram", path: Path, description: str) -> None:
    import torch

    with quiet():
        converted = torch.onnx.export(program, dynamo=True, verbose=False, input_names=[INPUT], output_names=[OUTPUT])
    if converted is None:
        raise TypeError("torch.onnx returned no program")
    converted.model.metadata_props[_DESCRIPTION] = description
    for value in (*converted.model.graph.inputs, *converted.model.graph.outputs):
        if value.shape is not None:
            value.shape[0] = "batch"  # torch numbers its names for sizes
    converted.save(path)


def _open_onnx(path: Path) -> Predict:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda images: session.run([OUTPUT], {INPUT: images})[0]


def _write_openvino(program: "ExportedProgram", path: Path, description: str) -> None:
    import openvino

    with quiet():
        network = openvino.convert_model(program)
    size = program.example_inputs[0][0].shape[1]
    network.reshape([-1, size, size, 3])
    network.input(0).get_tensor().set_names({INPUT})
    network.output(0).get_tensor().set_names({OUTPUT})
    network.set_rt_info(description, [_DESCRIPTION])
    openvino.save_model(network, path, compress_to_fp16=False)


def _open_openvino(path: Path) -> Predict:
    import openvino

    # OpenVINO would choose bfloat16 by itself where the processor has it.
    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda images: compiled([images])[0]


def _write_torch(program: "ExportedProgram", path: Path, description: str) -> None:
    import torch

    with quiet():
        torch.export.save(program, path, extra_files={f"{_DESCRIPTION}.json": description})


def _open_torch(path: Path) -> Predict:
    import torch

    with quiet():
        network = torch.export.load(path).module()

    def predict(images: npt.NDArray[np.uint8]) -> Probabilities:
        with torch.inference_mode():
            return network(torch.from_numpy(images)).numpy()

    return predict


TARGETS = (
    Target("onnx", ".onnx", (), "export", ("onnx", "onnxscript", "onnxruntime"), _write_onnx, _open_onnx),
    Target("openvino", ".xml", (".bin",), "fast", ("openvino",), _write_openvino, _open_openvino),
    Target("torch", ".pt2", (), "", (), _write_torch, _open_torch),
)
