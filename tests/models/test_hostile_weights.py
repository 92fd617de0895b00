"""Weights files from strangers: nothing in them runs, no other file is opened, and no memory is taken on a promise."""

import tracemalloc
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from kbin.errors import WeightsError
from kbin.models.builders import build_backbone
from tests.payloads import PICKLES, Payload


def refused(backbone: str, path: Path, message: str) -> None:
    with pytest.raises(WeightsError, match=message) as caught:
        build_backbone(backbone, weights=str(path), image_size=32)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("kind", PICKLES)
@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors", ".h5", ".weights.h5"])
def test_a_pickle_under_any_name_is_refused_and_does_not_run(tmp_path, kind, suffix):
    mark = tmp_path / "ran"
    PICKLES[kind](tmp_path / f"evil{suffix}", Payload(mark))
    refused("ShuffleNetV2x0_5", tmp_path / f"evil{suffix}", "cannot be loaded into ShuffleNetV2x0_5")
    assert not mark.exists()


def _members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def test_a_torch_file_that_is_compressed_is_refused_before_it_is_unpacked(tmp_path):
    torch.save({"a": torch.zeros(1_000_000)}, tmp_path / "a.pth")
    members = _members(tmp_path / "a.pth")
    with zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    refused("ShuffleNetV2x0_5", tmp_path / "bomb.pth", "its parts are compressed, which torch's are not")


def test_a_storage_that_claims_more_than_it_holds_is_refused(tmp_path):
    torch.save({"a": torch.arange(4.0)}, tmp_path / "a.pth")
    members = _members(tmp_path / "a.pth")
    pickled = members["a/data.pkl"]
    assert pickled.count(b"K\x04") == 2  # four numbers: of the storage, and of the tensor's shape
    members["a/data.pkl"] = pickled.replace(b"K\x04", b"M\xff\xff")
    with zipfile.ZipFile(tmp_path / "claims.pth", "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    refused("ShuffleNetV2x0_5", tmp_path / "claims.pth", "record size .16 bytes. does not match expected size")


def test_one_flipped_bit_in_a_torch_file_is_found(tmp_path):
    torch.save({"a": torch.zeros(1_000)}, tmp_path / "a.pth")
    content = bytearray((tmp_path / "a.pth").read_bytes())
    content[len(content) // 2] ^= 1  # among the zeros
    (tmp_path / "a.pth").write_bytes(content)
    refused("ShuffleNetV2x0_5", tmp_path / "a.pth", "Bad CRC|another checksum")


def test_a_tensor_that_repeats_one_number_takes_no_memory(tmp_path):
    tensors = {"conv1.0.weight": torch.zeros(1, dtype=torch.float16).expand(10**5, 10**5, 1, 1)}
    torch.save(tensors, tmp_path / "wide.pth")
    assert (tmp_path / "wide.pth").stat().st_size < 10_000
    refused("ShuffleNetV2x0_5", tmp_path / "wide.pth", r"shape \(100000, 100000, 1, 1\), of another network")


def test_a_file_far_larger_than_the_network_is_refused_unread(tmp_path):
    with (tmp_path / "large.pth").open("wb") as file:
        file.truncate(200_000_000)  # a hole
    tracemalloc.start()
    refused("ShuffleNetV2x0_5", tmp_path / "large.pth", "it has 200 MB, more than this network may take")
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("suffix", [".h5", ".weights.h5"])
def test_hdf5_that_points_to_other_files_or_promises_terabytes_is_refused(tmp_path, suffix):
    secret, path = tmp_path / "secret", tmp_path / f"x{suffix}"
    secret.write_bytes(b"secret" * 10)
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (60,), "u1", external=[(str(secret), 0, 60)])
    refused("SmallCNN", path, "the values of 'x' lie in another file")
    with h5py.File(path, "w") as file:
        file["x"] = h5py.ExternalLink(str(secret), "/")
    refused("SmallCNN", path, "'x' is a link to elsewhere")
    with h5py.File(path, "w") as file:
        file["x"] = h5py.SoftLink("/y")
    refused("SmallCNN", path, "'x' is a link to elsewhere")
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (10**6, 10**6), "f4", chunks=(1, 10**6), compression="gzip")
    refused("SmallCNN", path, "it declares more than the 18 MB that this network may take")


def test_hdf5_groups_that_hold_each_other_end(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        group = file.create_group("a")
        group["b"] = file["/"]
    refused("SmallCNN", tmp_path / "x.h5", "damaged, or holds the weights of another network")


def test_many_references_to_one_long_text_count_as_many(tmp_path):
    # HDF5 writes each text once more; a stranger would write one and refer to it.
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.attrs.create("layer_names", ["x" * 100_000, *["y"] * 400], dtype=h5py.string_dtype())
    refused("SmallCNN", tmp_path / "x.h5", "it declares more than the 18 MB")


def test_weights_that_are_right_are_not_refused(tmp_path):
    model = build_backbone("SmallCNN", weights="none", image_size=32)
    model.save_weights(tmp_path / "x.weights.h5")
    again = build_backbone("SmallCNN", weights=str(tmp_path / "x.weights.h5"), image_size=32)
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
