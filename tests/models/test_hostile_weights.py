"""Weights files from strangers: nothing in them runs, no other file is opened, and no memory is taken on a promise."""

import collections
import io
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from kbin.errors import WeightsError
from kbin.models.builders import build_backbone
from kbin.models.torch_files import read_state_dict
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


class Call:
    """An object whose pickle calls a function."""

    def __init__(self, function: Callable[..., Any], *arguments: Any):
        self._pickled = function, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self._pickled


NO_TENSORS: dict[str, tuple[Any, str]] = {
    "bytes": (Call(bytearray, Call(bytearray, 300_000_000)), "it calls '__builtin__.bytearray'"),
    "counter": (Call(collections.Counter, "ab"), "it calls 'collections.Counter'"),
    "storage": (Call(torch.UntypedStorage, 300_000_000), "it calls 'torch.storage.UntypedStorage'"),
    "copies": ([Call(collections.OrderedDict, [("a", 1)])] * 2, "it calls 'collections.OrderedDict' for more"),
    "device": (torch.device("cpu"), "it calls 'torch.device'"),
}


@pytest.mark.parametrize("kind", NO_TENSORS)
@pytest.mark.parametrize("is_zip", [True, False])
def test_a_torch_file_that_calls_for_more_than_tensors_is_refused_uncalled(tmp_path, kind, is_zip):
    value, message = NO_TENSORS[kind]
    torch.save({"conv1.0.weight": value}, tmp_path / "x.pth", _use_new_zipfile_serialization=is_zip)
    tracemalloc.start()
    refused("ShuffleNetV2x0_5", tmp_path / "x.pth", message)
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()


def test_a_key_that_would_take_years_to_hash_is_refused(tmp_path):
    steps = b"\x80\x02}" + b")" + b"q\x00h\x00\x86" * 60 + b"K\x01s."
    torch.save({}, tmp_path / "x.pth")
    members = _members(tmp_path / "x.pth")
    with zipfile.ZipFile(tmp_path / "x.pth", "w") as file:
        for name, content in (members | {"x/data.pkl": steps}).items():
            file.writestr(name, content)
    refused("ShuffleNetV2x0_5", tmp_path / "x.pth", "a key in it is neither a text nor a number")


def test_a_part_is_not_read_again_under_other_letters(tmp_path):
    torch.save({"a": torch.arange(4.0)}, tmp_path / "x.pth")
    members = _members(tmp_path / "x.pth")
    members["x/data.pkl"] = members["x/data.pkl"].replace(b"X\x01\x00\x00\x000", b"X\x01\x00\x00\x00a")
    members["x/data/A"] = members.pop("x/data/0")
    with zipfile.ZipFile(tmp_path / "x.pth", "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    assert torch.load(tmp_path / "x.pth")["a"].tolist() == [0, 1, 2, 3]  # torch finds "A" as "a"
    refused("ShuffleNetV2x0_5", tmp_path / "x.pth", "it refers to something that is no storage")


def test_a_storage_of_the_old_format_that_claims_more_than_the_file_is_refused(tmp_path):
    torch.save({"a": torch.arange(4.0)}, tmp_path / "x.pth", _use_new_zipfile_serialization=False)
    content = (tmp_path / "x.pth").read_bytes()
    assert content.count(b"K\x04") == 4  # of the machine's numbers one, twice; of the storage, and of the shape
    place = content.rindex(b"K\x04Nt")
    (tmp_path / "x.pth").write_bytes(content[:place] + b"J" + struct.pack("<i", 2**31 - 1) + content[place + 2 :])
    refused("ShuffleNetV2x0_5", tmp_path / "x.pth", "its tensors claim to be larger than the file")


def test_a_zip_that_two_readers_read_differently_is_refused(tmp_path):
    """Python finds a list of parts at the file's end, torch another one where the end record says it is."""
    torch.save({"a": torch.zeros(1_000_000)}, tmp_path / "a.pth")
    members = _members(tmp_path / "a.pth")
    packed, begin = _zipped(members, zipfile.ZIP_DEFLATED)
    harmless, harmless_begin = _zipped(dict.fromkeys(members, b"x"), zipfile.ZIP_STORED)
    end = packed.rindex(b"PK\5\6")
    second = bytearray(harmless[harmless_begin : harmless.rindex(b"PK\5\6")])
    assert len(second) == end - begin
    # Python takes all places for shifted by as much as the list lies behind the place that the end record gives.
    place = -1
    while (place := second.find(b"PK\1\2", place + 1)) >= 0:
        (there,) = struct.unpack_from("<L", second, place + 42)
        struct.pack_into("<L", second, place + 42, there + end - (harmless_begin + len(second)))
    (tmp_path / "x.pth").write_bytes(packed[:end] + harmless[:harmless_begin] + second + packed[end:])
    assert torch.load(tmp_path / "x.pth")["a"].numel() == 1_000_000
    with zipfile.ZipFile(tmp_path / "x.pth") as file:
        assert {file.read(name) for name in members} == {b"x"}
    refused("ShuffleNetV2x0_5", tmp_path / "x.pth", "it does not end as torch's zip files do")


def _zipped(members: dict[str, bytes], compression: int) -> tuple[bytes, int]:
    """Returns a zip and where its list of parts begins."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return stream.getvalue(), file.start_dir


@pytest.mark.parametrize("behind", [b"", b"more"])
def test_a_zip_with_something_before_or_behind_it_is_refused(tmp_path, behind):
    torch.save({"a": torch.zeros(4)}, tmp_path / "x.pth")
    content = (tmp_path / "x.pth").read_bytes()
    before = b"" if behind else content  # a whole zip before it
    (tmp_path / "x.pth").write_bytes(before + content + behind)
    refused("ShuffleNetV2x0_5", tmp_path / "x.pth", "it does not end as torch's zip files do")


@pytest.mark.parametrize("is_zip", [True, False])
def test_a_checkpoint_of_plain_values_and_tensors_is_read(tmp_path, is_zip):
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), torch.nn.BatchNorm2d(2))
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 3, 5, 5)).sum().backward()
    optimizer.step()
    saved = {
        "model": network.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3, "loss": 0.5,
        "half": torch.ones(2).half(), "parameter": torch.nn.Parameter(torch.ones(2)), "shape": torch.Size((1, 2)),
        "part": network[0].weight[1:], "type": torch.float32,
    }  # fmt: skip
    torch.save(saved, tmp_path / "x.pth", _use_new_zipfile_serialization=is_zip)
    read = read_state_dict(tmp_path / "x.pth")
    assert list(read) == list(saved)
    assert torch.equal(read["model"]["0.weight"], network[0].weight)
    assert torch.equal(read["part"], network[0].weight[1:])


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
