"""The corpus of odd and bad images: each is read rightly or reported by name, alone and in one folder."""

import errno
import os
import re
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kbin.config.data import DataConfig
from kbin.data.bad_images import AllBadImagesError, find_bad_images
from kbin.data.bad_images_named import named_in_full, refuse_bad_images
from kbin.data.image_sources import ArrayImages, FileImages
from kbin.data.images import decode, decode_batch
from kbin.data.sets import load_sets, read_sets
from kbin.data.wording import printable
from kbin.errors import BadImagesError, DataError
from kbin.progress import Progress
from kbin.runs import RunDirectory
from tests.data.bad_images import EPS, SIDE, bad_images, declared_png, odd_images, picture, write_bad, write_odd

ODD, BAD = odd_images(), bad_images()


def decoded(path, resize="stretch", side=SIDE):
    return decode_batch(FileImages([path]), np.array([0]), side, resize)[0]


def test_the_corpus_is_large():
    assert len(ODD) >= 40
    assert len(BAD) >= 40


@pytest.mark.parametrize("name", ODD, ids=ascii)
def test_an_odd_image_is_read_rightly(tmp_path, name):
    odd = ODD[name]
    (tmp_path / name).write_bytes(odd.content)
    found = decoded(tmp_path / name)
    assert np.abs(found.astype(int) - odd.pixels).max() <= odd.tolerance


@pytest.mark.parametrize("name", BAD, ids=ascii)
def test_a_bad_image_is_reported_by_name(tmp_path, name):
    BAD[name].make(tmp_path / name)
    start = time.monotonic()
    with pytest.raises(BadImagesError) as caught:
        decoded(tmp_path / name)
    found = re.fullmatch(r"1 image cannot be read: (.*?) \((.*)\)\. Replace or remove such files\.", str(caught.value))
    assert found is not None
    assert found[1] == printable(str(tmp_path / name))
    assert re.search(BAD[name].reason, found[2])
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (MemoryError(), "cannot allocate memory"),
        (OSError(errno.ENOMEM, "x"), "cannot allocate memory"),
        (OSError(errno.EMFILE, "x"), "too many open files"),
        (OSError(errno.ENFILE, "x"), "too many open files in system"),
        (OSError(errno.EIO, "x"), "input/output error"),
        (OSError(errno.ESTALE, "x"), "stale file handle"),
        (OSError(errno.ENOTCONN, "x"), "not connected"),
        (OSError(errno.ETIMEDOUT, "x"), "timed out"),
    ],
)
def test_a_good_image_is_not_left_out_for_a_fault_of_the_machine(image_folder, monkeypatch, fault, words):
    data = DataConfig(source="folder", path=image_folder({"cat": 2, "dog": 2}), positive="cat", on_bad_image="skip")
    sets = read_sets(data)

    def fail(*arguments, **settings):
        raise fault

    monkeypatch.setattr(Image, "open", fail)
    with pytest.raises(DataError, match=rf"\.png could not be read, and the machine is at fault.*{words}") as caught:
        find_bad_images(sets, data)
    assert not isinstance(caught.value, BadImagesError)


def test_what_cannot_be_hashed_is_reported_by_name(tmp_path):
    names = ["folder.png", "dangling.png", "circular.png", "pipe.png", *(["no-permission.png"] if os.geteuid() else [])]
    for name in names:
        BAD[name].make(tmp_path / name)
        with pytest.raises(BadImagesError, match=rf"{name} cannot be read: .*{BAD[name].reason}"):
            FileImages([tmp_path / name]).content_hash(0)


@pytest.mark.parametrize("shape", [(1, 1), (1, 20000), (20000, 1)])
@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
def test_the_thinnest_images_are_seen_by_every_rule(tmp_path, shape, resize):
    Image.new("RGB", shape, (200, 100, 50)).save(tmp_path / "thin.png")
    found = decoded(tmp_path / "thin.png", resize)
    expected = np.zeros((SIDE, SIDE, 3), int)
    if resize != "pad" or shape == (1, 1):
        expected[:] = [200, 100, 50]
    elif shape[0] == 1:
        expected[:, SIDE // 2] = [200, 100, 50]  # one column, in the middle of black
    else:
        expected[SIDE // 2] = [200, 100, 50]
    assert (found == expected).all()


@pytest.mark.parametrize("resize", ["crop", "pad"])
def test_a_turned_image_is_cut_and_padded_as_the_upright_one(tmp_path, resize):
    upright = Image.fromarray(picture()[:8])  # 16 x 8
    exif = Image.Exif()
    exif[0x0112] = 6
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png", exif=exif)
    assert (decoded(tmp_path / "turned.png", resize) == decode(upright, SIDE, resize)).all()


def test_no_program_is_run_for_an_eps(tmp_path, monkeypatch):
    ran = tmp_path / "ran"
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {ran}\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    # The test can fail: opened without a list of formats, the same file has Pillow look for Ghostscript, and run it.
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", None)
    (tmp_path / "eps.jpg").write_bytes(EPS)
    with pytest.raises(OSError, match=r"."), Image.open(tmp_path / "eps.jpg") as image:
        image.load()
    assert ran.exists()
    ran.unlink()
    with pytest.raises(BadImagesError, match="not an image"):
        decoded(tmp_path / "eps.jpg")
    assert not ran.exists()


class TestSizeLimit:
    def test_it_is_exact(self, tmp_path):
        Image.new("L", (10, 10), 7).save(tmp_path / "a.png")
        images = FileImages([tmp_path / "a.png"])
        assert (decode_batch(images.limited(100), np.array([0]), 4) == 7).all()
        with pytest.raises(BadImagesError, match=r"a\.png \(0\.0001 megapixels, more than max_megapixels allows"):
            decode_batch(images.limited(99), np.array([0]), 4)

    def test_it_may_lie_above_pillows_own(self, tmp_path, monkeypatch):
        Image.new("L", (10, 10), 7).save(tmp_path / "a.png")
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 30)  # Pillow refuses above 60 then
        images = FileImages([tmp_path / "a.png"])
        assert (decode_batch(images.limited(100), np.array([0]), 4) == 7).all()
        assert Image.MAX_IMAGE_PIXELS == 30
        with pytest.raises(BadImagesError, match=r"more than max_megapixels allows"):
            decode_batch(images.limited(70), np.array([0]), 4)

    def test_it_holds_for_arrays_and_is_kept_by_a_choice(self):
        images = ArrayImages(np.zeros((3, 10, 10), np.uint8), "a.npz").limited(99).select(np.array([2]))
        with pytest.raises(BadImagesError, match=r"a\.npz, image 2 \(0\.0001 megapixels, more than"):
            decode_batch(images, np.array([0]), 4)

    def test_it_comes_from_the_settings(self, tmp_path):
        folder = clean_folder(tmp_path)
        Image.new("L", (400, 300), 7).save(folder / "cat" / "large.png")
        with pytest.raises(AllBadImagesError, match=r"large\.png \(0\.12 megapixels, .* allows \(0\.1\)\)"):
            refuse_bad_images(settings(folder, max_megapixels=0.1))
        refuse_bad_images(settings(folder, max_megapixels=0.12))

    def test_no_pixel_of_a_bomb_is_decoded(self, tmp_path, monkeypatch):
        (tmp_path / "bomb.png").write_bytes(declared_png(50_000, 50_000))
        monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("decoded"))
        with pytest.raises(BadImagesError, match="max_megapixels"):
            decoded(tmp_path / "bomb.png")


def clean_folder(tmp_path: Path, name: str = "data", number: int = 12) -> Path:
    """Two classes of different images."""
    for label, kind in enumerate(("cat", "dog")):
        (tmp_path / name / kind).mkdir(parents=True)
        for index in range(number):
            Image.new("L", (8, 8), 100 * label + index).save(tmp_path / name / kind / f"{index}.png")
    return tmp_path / name


def settings(folder: Path, **changed: object) -> DataConfig:
    return DataConfig.model_validate(
        {"source": "folder", "path": folder, "positive": "dog", "image_size": 32} | changed
    )


class TestWholeCorpus:
    def test_error_names_all_bad_images_at_once_and_no_other(self, tmp_path):
        folder = clean_folder(tmp_path)
        write_odd(folder / "cat")
        write_bad(folder / "dog" / "deeper")
        with pytest.raises(AllBadImagesError) as caught:
            refuse_bad_images(settings(folder))
        first, *lines, last = str(caught.value).splitlines()
        assert first == f"{len(BAD)} images of {24 + len(ODD) + len(BAD)} cannot be read:"
        named = [line[2:].split(" (")[0] for line in lines]
        assert sorted(named) == sorted(printable(str(folder / "dog" / "deeper" / name)) for name in BAD)
        assert last == "Replace or remove them, or set data.on_bad_image: skip, which leaves them out and lists them."

    def test_skip_loads_what_a_folder_cleaned_by_hand_has(self, tmp_path):
        folder = clean_folder(tmp_path)
        write_odd(folder / "cat")
        clean = load_sets(settings(shutil.copytree(folder, tmp_path / "clean")))
        write_bad(folder / "dog" / "deeper")
        found = load_sets(settings(folder, on_bad_image="skip", max_bad_share=0.9))
        assert list(found.sets) == list(clean.sets) == ["train", "validation", "test"]
        for name, dataset in found.sets.items():
            assert dataset.paths.tolist() == clean.sets[name].paths.tolist()
            assert dataset.labels.tolist() == clean.sets[name].labels.tolist()
            assert dataset.content_hashes().tolist() == clean.sets[name].content_hashes().tolist()
        assert found.notes[0] == (
            f"{len(BAD)} images of {24 + len(ODD) + len(BAD)} cannot be read and were left out "
            "(data.on_bad_image: skip); bad_images.csv lists them."
        )
        assert clean.bad_images is None
        assert {one.path for one in found.bad_images.images} == {f"dog/deeper/{name}" for name in BAD}

    def test_more_than_the_allowed_share_stops(self, tmp_path):
        folder = clean_folder(tmp_path)  # 24 images
        for index in range(2):
            (folder / "cat" / f"bad-{index}.png").touch()
        assert len(load_sets(settings(folder, on_bad_image="skip", max_bad_share=2 / 26)).bad_images.images) == 2
        message = (
            r"2 images of 26 cannot be read, 7\.7%, and data\.max_bad_share allows 5\.0% to be left out:\n"
            r"  .*cat/bad-0\.png \(an empty file\)\n  .*cat/bad-1\.png \(an empty file\)\n"
            r"Replace or remove them, or raise data\.max_bad_share\."
        )
        with pytest.raises(AllBadImagesError, match=message):
            load_sets(settings(folder, on_bad_image="skip"))

    def test_bad_images_of_a_test_set_of_its_own_are_skipped_and_counted_too(self, tmp_path):
        folder, other = clean_folder(tmp_path), clean_folder(tmp_path, "other", 2)
        for path in other.rglob("*.png"):
            Image.new("L", (9, 9), 5).resize((9, 8 + int(path.stem))).save(path)
        (other / "dog" / "0.png").write_bytes(b"no image")
        found = load_sets(
            settings(folder, on_bad_image="skip", test_sets={"other": {"source": "folder", "path": other}})
        )
        assert found.sets["other"].paths.tolist() == ["cat/0.png", "cat/1.png", "dog/1.png"]
        (bad,) = found.bad_images.images
        assert (bad.set_name, bad.path, bad.reason) == ("other", "dog/0.png", "not an image that kbin can read")
        assert found.bad_images.total == 28

    def test_images_in_arrays_are_searched_in_the_same_way(self, tmp_path):
        np.savez(tmp_path / "a.npz", images=np.zeros((4, 40, 40), np.uint8), labels=[0, 1, 0, 1])
        data = settings(tmp_path / "a.npz", source="npz", positive="1", max_megapixels=0.001)
        bad = find_bad_images(read_sets(data), data)
        assert [one.location for one in bad.images] == [f"{tmp_path / 'a.npz'}, image {n}" for n in range(4)]


class TestNamedInFull:
    @pytest.fixture
    def folder(self, tmp_path):
        folder = clean_folder(tmp_path)
        for index in range(12):
            (folder / "dog" / f"bad-{index:02}.png").touch()
        return folder

    def test_in_a_begun_run_ten_are_shown_and_a_file_has_all(self, folder, tmp_path):
        run = RunDirectory(tmp_path / "run")
        run.begin("name: a\n")
        error = named_in_full(BadImagesError("one"), settings(folder), run, Progress())
        lines = str(error).splitlines()
        assert lines[0] == "12 images of 36 cannot be read:"
        assert [line.endswith("(an empty file)") for line in lines[1:11]] == [True] * 10
        assert lines[11:13] == ["  and 2 more", f"All are listed in {tmp_path / 'run' / 'bad_images.csv'}."]
        rows = (tmp_path / "run" / "bad_images.csv").read_text().splitlines()
        assert rows[0] == "set,path,reason"
        assert rows[1:] == [f"unsplit,dog/bad-{index:02}.png,an empty file" for index in range(12)]

    def test_without_a_folder_all_are_shown_and_none_is_made(self, folder, tmp_path):
        error = named_in_full(BadImagesError("one"), settings(folder), RunDirectory(tmp_path / "run"), Progress())
        assert str(error).count("an empty file") == 12
        assert not (tmp_path / "run").exists()

    def test_too_large_a_share_is_not_looked_for_twice(self, folder, tmp_path, monkeypatch):
        skipping = settings(folder, on_bad_image="skip")
        with pytest.raises(AllBadImagesError) as caught:
            load_sets(skipping)
        monkeypatch.setattr("kbin.data.bad_images_named.find_bad_images", lambda *_: pytest.fail("looked again"))
        run = RunDirectory(tmp_path / "run")
        run.begin("name: a\n")
        assert "data.max_bad_share allows 5.0%" in str(named_in_full(caught.value, skipping, run, Progress()))
        assert (tmp_path / "run" / "bad_images.csv").is_file()

    def test_where_none_is_found_the_first_error_stands(self, tmp_path):
        error = BadImagesError("gone for a moment")
        assert named_in_full(error, settings(clean_folder(tmp_path)), RunDirectory(tmp_path), Progress()) is error
