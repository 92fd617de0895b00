"""What a malicious file tries: Python code that leaves a mark where it runs."""

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch


class Payload:
    """An object that makes a file when its pickle is read."""

    def __init__(self, mark: Path):
        self._mark = mark

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return Path.touch, (self._mark,)


def _bare_pickle(path: Path, payload: Payload) -> None:
    path.write_bytes(pickle.dumps({"conv1.weight": payload}))


def _torch_zip(path: Path, payload: Payload) -> None:
    torch.save({"conv1.weight": payload}, path)


def _torch_before_1_6(path: Path, payload: Payload) -> None:
    torch.save({"conv1.weight": payload}, path, _use_new_zipfile_serialization=False)


def _torch_tar(path: Path, payload: Payload) -> None:
    """The format of torch before 0.1.10."""
    import tarfile

    with tarfile.open(path, "w") as tar:
        for name in ("sys_info", "storages", "tensors", "pickle"):
            content = pickle.dumps(payload)
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def _object_array(path: Path, payload: Payload) -> None:
    with path.open("wb") as stream:
        np.savez(stream, allow_pickle=True, images=np.array([payload, None], object), labels=np.array([0, 1]))


PICKLES: dict[str, Callable[[Path, Payload], None]] = {
    "bare pickle": _bare_pickle,
    "torch's zip": _torch_zip,
    "torch before 1.6": _torch_before_1_6,
    "torch's tar": _torch_tar,
    "npz": _object_array,
}


def changed_model(source: Path, target: Path, **members: bytes | str | None) -> Path:
    """Copies a `.keras` file with members replaced, added, or left out where None is given: `config_json="..."`."""
    names = {"config_json": "config.json", "weights": "model.weights.h5", "metadata": "metadata.json"}
    contents: dict[str, bytes | str | None] = {}
    with zipfile.ZipFile(source) as file:
        contents = {name: file.read(name) for name in file.namelist()}
    contents |= {names.get(name, name): content for name, content in members.items()}
    with zipfile.ZipFile(target, "w") as file:
        for name, content in contents.items():
            if content is not None:
                file.writestr(name, content)
    return target


def config_of(path: Path) -> dict[str, Any]:
    """Returns the configuration of a `.keras` file."""
    with zipfile.ZipFile(path) as file:
        return dict(json.loads(file.read("config.json")))
