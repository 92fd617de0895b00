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
