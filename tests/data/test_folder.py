import os
import re

import pytest

from kbin.data.datasets import UNSPLIT
from kbin.data.folder import read_folder
from kbin.errors import DataError


def test_sets_and_classes_come_from_the_folder_names(image_folder):
    sets = read_folder(
        image_folder({"train/cat": 2, "train/dog": 1, "Val/cat": 1, "Val/dog": 1, "testing/cat": 1, "testing/dog": 2})
    )
    assert {name: dataset.class_counts() for name, dataset in sets.items()} == {
        "validation": {"cat": 1, "dog": 1},
        "test": {"cat": 1, "dog": 2},
        "train": {"cat": 2, "dog": 1},
    }
    assert sets["test"].paths.tolist() == ["testing/cat/0.png", "testing/dog/0.png", "testing/dog/1.png"]
    assert sets["test"].labels.tolist() == [0, 1, 1]


def test_class_folders_alone_are_one_unsplit_dataset(image_folder):
    sets = read_folder(image_folder({"dog": 2, "cat": 1}))
    assert list(sets) == [UNSPLIT]
    assert sets[UNSPLIT].classes == ("cat", "dog")
    assert sets[UNSPLIT].paths.tolist() == ["cat/0.png", "dog/0.png", "dog/1.png"]


def test_any_other_folder_beside_train_is_a_named_set(image_folder):
    folder = image_folder({"train/cat": 1, "train/dog": 1, "Centre-B/cat": 1, "Centre-B/dog": 1})
    assert set(read_folder(folder)) == {"train", "Centre-B"}


def test_images_at_any_depth_below_a_class_folder_belong_to_it(image_folder):
    sets = read_folder(image_folder({"cat/patient-1": 1, "cat/patient-2": 1, "dog": 1}))
    assert sets[UNSPLIT].paths.tolist() == ["cat/patient-1/0.png", "cat/patient-2/0.png", "dog/0.png"]


def test_naming_fewer_classes_than_there_are_folders_takes_a_part(image_folder):
    folder = image_folder({"train/bird": 1, "train/cat": 2, "train/dog": 3})
    assert read_folder(folder, ["dog", "cat"])["train"].class_counts() == {"dog": 3, "cat": 2}


def test_the_order_of_the_images_does_not_depend_on_the_order_of_the_classes(image_folder):
    folder = image_folder({"cat": 2, "dog": 2})
    assert read_folder(folder, ["dog", "cat"])[UNSPLIT].paths.tolist() == read_folder(folder)[UNSPLIT].paths.tolist()


def test_a_class_may_be_called_train(image_folder):
    folder = image_folder({"train": 1, "bus": 1, "car": 1})
    assert read_folder(folder)[UNSPLIT].classes == ("bus", "car", "train")
    nested = image_folder({"train/wagons": 1, "bus": 1}, name="nested")
    assert read_folder(nested, ["bus", "train"])[UNSPLIT].class_counts() == {"bus": 1, "train": 1}


def test_hidden_files_notes_and_system_files_are_passed_over(image_folder):
    folder = image_folder({"cat": 1, "dog": 1, "__MACOSX": 1, ".cache": 1})
    for name in [".DS_Store", "._0.png", "Thumbs.db", "desktop.ini", "list.csv", "notes.TXT", "boxes.json"]:
        (folder / "cat" / name).write_text("no image")
    assert len(read_folder(folder)[UNSPLIT]) == 2


def test_a_file_that_is_no_image_by_its_suffix_is_refused_by_name(image_folder):
    folder = image_folder({"cat": 1, "dog": 1})
    (folder / "cat" / "scan.dcm").touch()
    (folder / "dog" / "nosuffix").touch()
    with pytest.raises(DataError, match=r"2 files under .*data cannot be read.*cat/scan\.dcm, dog/nosuffix\. Convert"):
        read_folder(folder)


def test_images_outside_the_class_folders_are_refused(image_folder, write_image):
    folder = image_folder({"train/cat": 1, "train/dog": 1})
    write_image(folder / "train" / "stray.png", 99)
    with pytest.raises(DataError, match=r"train: stray\.png outside the class folders"):
        read_folder(folder)


def test_a_missing_folder_is_refused_with_the_layouts(tmp_path):
    with pytest.raises(DataError, match=r"nowhere does not exist\. kbin reads `set/class/image`"):
        read_folder(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="is a file, not a folder"):
        read_folder(tmp_path / "file")


def test_a_folder_without_class_folders_is_refused(tmp_path, image_folder):
    with pytest.raises(DataError, match="holds no class folders"):
        read_folder(tmp_path)
    with pytest.raises(DataError, match=r"(train|test) holds no class folders"):
        read_folder(image_folder({"train": 2, "test": 2}))


def test_an_empty_class_is_refused(image_folder):
    folder = image_folder({"train/cat": 1, "train/dog": 0})
    with pytest.raises(DataError, match=r"train/dog holds no images\. Put images of class 'dog' there"):
        read_folder(folder)


def test_one_class_only_is_refused(image_folder):
    with pytest.raises(DataError, match="one class only, 'cat'"):
        read_folder(image_folder({"cat": 3}))


def test_a_class_without_a_folder_is_refused_with_the_nearest(image_folder):
    folder = image_folder({"cat": 1, "defectve": 1})
    with pytest.raises(DataError, match=r"data\.classes: unknown class 'defective'\. Did you mean 'defectve'"):
        read_folder(folder, ["cat", "defective"])


def test_a_class_folder_that_train_lacks_is_refused_with_the_nearest(image_folder):
    folder = image_folder({"train/cat": 1, "train/dog": 1, "test/cat": 1, "test/dgo": 1})
    with pytest.raises(DataError, match=r"test: unknown class folder 'dgo'. Did you mean 'dog'"):
        read_folder(folder, ["cat", "dog"])


def test_a_test_set_may_lack_a_class(image_folder):
    folder = image_folder({"train/cat": 1, "train/dog": 1, "test/cat": 1})
    assert read_folder(folder)["test"].class_counts() == {"cat": 1, "dog": 0}


def test_a_source_that_need_not_have_every_class_may_have_one(image_folder):
    folder = image_folder({"dog": 2})
    assert read_folder(folder, ["cat", "dog"], all_classes=False)[UNSPLIT].class_counts() == {"cat": 0, "dog": 2}
    with pytest.raises(DataError, match="unknown class 'cat'"):
        read_folder(folder, ["cat", "dog"])
    with pytest.raises(DataError, match="unknown class 'cat'"):
        read_folder(image_folder({"dog": 1, "catt": 1}, name="b"), ["cat", "dog"], all_classes=False)


def test_two_folders_for_one_set_are_refused(image_folder):
    folder = image_folder({"train/cat": 1, "train/dog": 1, "val/cat": 1, "valid/cat": 1})
    with pytest.raises(DataError, match=re.escape("the folders 'val' and 'valid' both name the set 'validation'")):
        read_folder(folder)


def test_circular_links_give_no_image_twice(image_folder):
    folder = image_folder({"train/cat": 1, "train/cat/deeper": 1, "train/dog": 1})
    (folder / "train" / "cat" / "itself").symlink_to(".")
    (folder / "train" / "cat" / "deeper" / "up").symlink_to("..")
    (folder / "train" / "cat" / "again").symlink_to("deeper")
    (folder / "train" / "dog" / "root").symlink_to(folder)
    (folder / "train" / "dog" / "further-up").symlink_to(folder.parent)
    found = read_folder(folder)["train"]
    assert found.class_counts() == {"cat": 2, "dog": 1}
    assert found.paths.tolist()[-1] == "train/dog/0.png"


def test_links_to_folders_elsewhere_are_followed(image_folder):
    folder, elsewhere = image_folder({"cat": 1, "dog": 0}), image_folder({"more": 2}, name="elsewhere")
    (folder / "dog" / "more").symlink_to(elsewhere / "more")
    (folder / "bird").symlink_to(elsewhere)
    with pytest.raises(DataError, match=r"bird/more and .*dog/more are one folder, below two class folders"):
        read_folder(folder)
    (folder / "bird").unlink()
    assert read_folder(folder)[UNSPLIT].paths.tolist() == ["cat/0.png", "dog/more/0.png", "dog/more/1.png"]


def test_what_has_an_images_name_and_is_no_file_is_left_to_whoever_opens_it(image_folder):
    folder = image_folder({"cat": 1, "dog": 1})
    (folder / "cat" / "dangling.png").symlink_to("nowhere")
    (folder / "cat" / "empty.png").mkdir()
    (folder / "cat" / "loop.png").symlink_to("loop.png")
    os.mkfifo(folder / "cat" / "pipe.png")
    (folder / "dog" / "scan.png").mkdir()
    (folder / "dog" / "0.png").rename(folder / "dog" / "scan.png" / "0.png")
    assert read_folder(folder)[UNSPLIT].paths.tolist() == [
        "cat/0.png", "cat/dangling.png", "cat/empty.png", "cat/loop.png", "cat/pipe.png", "dog/scan.png/0.png",
    ]  # fmt: skip


def test_a_dangling_link_without_an_images_name_is_refused_by_name(image_folder):
    folder = image_folder({"cat": 1, "dog": 1})
    (folder / "cat" / "patient-3").symlink_to("nowhere")
    with pytest.raises(DataError, match=r"1 file under .* cannot be read as images, by suffix: cat/patient-3\."):
        read_folder(folder)


@pytest.mark.parametrize("name", ["icon.ico", "drawing.eps", "drawing.ps", "metafile.wmf", "stub.h5"])
def test_formats_that_run_programs_or_hold_other_images_are_refused(image_folder, name):
    folder = image_folder({"cat": 1, "dog": 1})
    (folder / "cat" / name).touch()
    with pytest.raises(DataError, match=rf"by suffix: cat/{re.escape(name)}\. Convert them"):
        read_folder(folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
@pytest.mark.parametrize("locked", ["cat", "cat/deeper", "."])
def test_a_folder_that_may_not_be_read_is_named(image_folder, locked):
    folder = image_folder({"cat": 1, "cat/deeper": 1, "dog": 1})
    (folder / locked).chmod(0)
    try:
        with pytest.raises(DataError, match=rf"{locked} cannot be looked into \(Permission denied\)"):
            read_folder(folder)
    finally:
        (folder / locked).chmod(0o755)


def test_a_folder_that_cannot_be_listed_is_named(image_folder, monkeypatch):
    folder = image_folder({"cat": 1, "cat/deeper": 1, "dog": 1})
    scandir = os.scandir

    def refuse(path):
        if os.path.basename(path) == "deeper":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError, match=r"cat/deeper cannot be looked into \(Permission denied\), so .* move it away"):
        read_folder(folder)


@pytest.mark.parametrize("path", [b"train/caf\xe9", b"caf\xe9"])
def test_a_class_or_set_folder_whose_name_is_no_utf_8_is_refused(image_folder, path):
    folder = image_folder({"train/cat": 1, "train/dog": 1})
    (folder / os.fsdecode(path)).mkdir()
    with pytest.raises(DataError, match=r"the folder 'caf\\udce9' has a name that is no UTF-8.* Rename it"):
        read_folder(folder)


def test_an_image_whose_name_is_no_utf_8_is_there(image_folder):
    folder = image_folder({"cat": 1, "dog": 1})
    (folder / "cat" / "0.png").rename(folder / "cat" / os.fsdecode(b"caf\xe9.png"))
    assert read_folder(folder)[UNSPLIT].paths.tolist() == ["cat/caf\udce9.png", "dog/0.png"]
