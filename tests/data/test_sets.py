import re
import subprocess
import sys

import numpy as np
import pytest

from kbin.config.data import DataConfig
from kbin.data.image_sources import FileImages
from kbin.data.sets import load_sets, read_sets
from kbin.errors import DataError

CAT_DOG = {"classes": ["cat", "dog"], "positive": "dog"}
ALL_SETS = {f"{name}/{label}": 4 for name in ("train", "val", "test") for label in ("cat", "dog")}


def load(**settings):
    return load_sets(DataConfig.model_validate(settings))


@pytest.fixture
def cells(tmp_path, write_image):
    """A CSV of 48 different images, half dogs, two thirds of type mono, in 12 patients."""
    rows = []
    for index in range(48):
        write_image(tmp_path / "cells" / f"{index}.png", index)
        kind = "poly" if index % 3 == 0 else "mono"
        rows.append(f"{index}.png,{'dog' if index % 2 else 'cat'},{kind},p{index // 4}")
    (tmp_path / "cells" / "cells.csv").write_text("path,label,cell,patient\n" + "\n".join(rows) + "\n")
    return {"source": "csv", "path": tmp_path / "cells" / "cells.csv", **CAT_DOG}


def sizes(loaded):
    return {name: len(dataset) for name, dataset in loaded.sets.items()}


def test_sets_come_in_one_order_and_those_of_the_source_are_kept(image_folder):
    loaded = load(source="folder", path=image_folder({**ALL_SETS, "abroad/cat": 1, "abroad/dog": 1}), **CAT_DOG)
    assert list(sizes(loaded).items()) == [("train", 8), ("validation", 8), ("test", 8), ("abroad", 2)]
    assert (loaded.notes, loaded.dropped, loaded.parts) == ((), {}, {})


@pytest.mark.parametrize("classes", [["cat", "dog"], ["dog", "cat"], None])
def test_label_1_is_the_positive_class_however_the_classes_are_written(image_folder, classes):
    loaded = load(source="folder", path=image_folder(ALL_SETS), classes=classes, positive="cat")
    assert loaded.classes == ("dog", "cat")
    assert loaded.positive == "cat"
    test = loaded.sets["test"]
    assert [path.split("/")[1] for path in test.paths[test.labels == 1]] == ["cat"] * 4


def test_integer_labels_count_the_classes_as_written_in_every_source(tmp_path):
    for name, first in (("main", 0), ("other", 100)):
        images = np.arange(first, first + 20, dtype=np.uint8)[:, None, None] + np.zeros((1, 4, 4), np.uint8)
        np.savez(tmp_path / name, images=images, labels=np.arange(20) % 2)
    loaded = load(
        source="npz",
        path=tmp_path / "main.npz",
        classes=["dog", "cat"],
        positive="dog",
        test_sets={"other": {"source": "npz", "path": tmp_path / "other.npz"}},
    )
    assert loaded.classes == ("cat", "dog")
    assert loaded.sets["other"].labels.tolist() == [1, 0] * 10


def test_more_than_two_classes_keep_their_order_and_have_no_positive(image_folder):
    folder = image_folder({f"{name}/{label}": 3 for name in ("train", "val", "test") for label in "abc"})
    loaded = load(source="folder", path=folder, classes=["c", "a", "b"])
    assert loaded.classes == ("c", "a", "b")
    assert loaded.positive is None


def test_classes_found_in_the_folders_need_a_positive_one(image_folder):
    with pytest.raises(DataError, match=r"two classes, cat and dog: name the positive one in data\.positive"):
        load(source="folder", path=image_folder(ALL_SETS))


def test_missing_sets_are_split_off(cells):
    assert sizes(load(**cells)) == {"train": 29, "validation": 7, "test": 12}  # 48 * .25, then 36 * .2 = 7.2


def test_groups_stay_on_one_side_and_an_unused_column_of_groups_is_noted(cells):
    columns = {"group": "patient"}
    grouped = load(**cells, columns=columns, split={"group": "patient"})
    found = [set(dataset.columns["patient"]) for dataset in grouped.sets.values()]
    assert sum(map(len, found)) == 12
    assert grouped.notes == ()
    assert load(**cells, columns=columns).notes == (
        "There is a column 'group' that the split does not use; `data.split.group: group` uses it.",
    )


def test_a_test_set_may_be_a_part_of_another_set(cells):
    loaded = load(
        **cells,
        test_sets={
            "poly": {"of": "test", "where": {"cell": "poly"}},
            "both": {"of": "test", "where": {"cell": ["mono", "poly"]}},
            "seen-mono": {"of": "train", "where": {"cell": "mono"}},
        },
    )
    test = loaded.sets["test"]
    assert loaded.sets["poly"].paths.tolist() == test.paths[test.columns["cell"] == "poly"].tolist()
    assert len(loaded.sets["both"]) == len(test)
    assert set(loaded.sets["seen-mono"].columns["cell"]) == {"mono"}
    assert loaded.parts == {"poly": "test", "both": "test", "seen-mono": "train"}


def test_training_on_one_part_and_testing_on_the_other(cells):
    other = {"source": "csv", "path": cells["path"], "where": {"cell": "poly"}}
    loaded = load(**cells, where={"cell": "mono"}, test_sets={"poly": other})
    assert {name: set(dataset.columns["cell"]) for name, dataset in loaded.sets.items()} == {
        "train": {"mono"},
        "validation": {"mono"},
        "test": {"mono"},
        "poly": {"poly"},
    }
    assert sizes(loaded) == {"train": 19, "validation": 5, "test": 8, "poly": 16}  # of 32 mono: 8, then 24 * .2


def test_a_test_set_of_its_own_takes_all_images_or_the_sources_test_set_or_the_one_named(image_folder):
    main = {"source": "folder", "path": image_folder(ALL_SETS), **CAT_DOG}
    plain = image_folder({"cat": 3, "dog": 2}, name="plain", first=100)
    split = image_folder({"train/cat": 3, "train/dog": 3, "test/dog": 2}, name="split", first=150)
    no_test = image_folder({"train/cat": 3, "train/dog": 3, "far/cat": 1}, name="no-test", first=200)
    loaded = load(
        **main,
        test_sets={
            "plain": {"source": "folder", "path": plain},
            "its-test": {"source": "folder", "path": split},
            "its-train": {"source": "folder", "path": split, "use": "train"},
            "everything": {"source": "folder", "path": no_test},
        },
    )
    assert sizes(loaded) == {
        "train": 8,
        "validation": 8,
        "test": 8,
        "plain": 5,
        "its-test": 2,
        "its-train": 6,
        "everything": 7,
    }
    assert loaded.notes == ("All images of its-test are of class 'dog', so no ranking metric is defined there.",)
    with pytest.raises(DataError, match=r"data\.test_sets\.x\.use: unknown set 'tset'. Did you mean 'test'"):
        load(**main, test_sets={"x": {"source": "folder", "path": split, "use": "tset"}})
    with pytest.raises(DataError, match=r"data\.test_sets\.x\.use: its source names no sets"):
        load(**main, test_sets={"x": {"source": "folder", "path": plain, "use": "test"}})


def test_training_images_in_another_set_are_refused_or_dropped(image_folder, write_image):
    folder = image_folder(ALL_SETS)
    for index in range(2):
        copy = folder / "val" / "cat" / f"copy-{index}.png"
        copy.write_bytes((folder / "train" / "cat" / f"{index}.png").read_bytes())
    main = {"source": "folder", "path": folder, **CAT_DOG}
    message = r"2 training images are also in validation, by content: train/cat/0\.png = val/cat/copy-0\.png"
    with pytest.raises(DataError, match=message):
        load(**main)
    loaded = load(**main, overlap="drop")
    assert sizes(loaded) == {"train": 6, "validation": 10, "test": 8}
    assert loaded.dropped == {"validation": 2}
    assert loaded.notes == ("2 training images are also in validation and were dropped.",)


def test_a_test_set_of_its_own_that_holds_training_images_is_refused(image_folder):
    main = {"source": "folder", "path": image_folder(ALL_SETS), **CAT_DOG}
    copy = image_folder({"cat": 1}, name="copy")
    with pytest.raises(DataError, match=r"1 training image is also in centre-b, by content: train/cat/0\.png = cat/0"):
        load(**main, test_sets={"centre-b": {"source": "folder", "path": copy}})


def test_dropping_every_image_of_a_class_is_refused(image_folder):
    folder = image_folder({"train/cat": 1, "val/cat": 1, "train/dog": 1, "val/dog": 1})
    (folder / "val" / "cat" / "0.png").write_bytes((folder / "train" / "cat" / "0.png").read_bytes())
    with pytest.raises(DataError, match=r"the training set has no image of class 'cat' \(cat: 0, dog: 1\)"):
        load(source="folder", path=folder, **CAT_DOG, overlap="drop", split={"test": 0})


def test_what_the_sets_lack_is_noted(image_folder):
    loaded = load(
        source="folder", path=image_folder({"cat": 4, "dog": 4}), **CAT_DOG, split={"test": 0, "validation": None}
    )
    assert loaded.notes == (
        "There is no validation set, so there is no early stopping, and no threshold is chosen on it.",
        "There is no test set.",
    )


def test_images_that_validation_and_test_share_are_noted(image_folder):
    folder = image_folder(ALL_SETS)
    (folder / "val" / "cat" / "0.png").write_bytes((folder / "test" / "cat" / "0.png").read_bytes())
    (note,) = load(source="folder", path=folder, **CAT_DOG).notes
    assert note.startswith("1 validation image is also in test")


def test_groups_that_straddle_the_sources_own_sets_are_noted(image_folder, tmp_path):
    folder = image_folder(ALL_SETS)
    rows = [f"{name}/{label}/{index}.png,{label}-{index}" for name in ("train", "val", "test")
            for label in ("cat", "dog") for index in range(4)]  # fmt: skip
    (tmp_path / "groups.csv").write_text("file,group\n" + "\n".join(rows))
    loaded = load(source="folder", path=folder, **CAT_DOG, groups=tmp_path / "groups.csv", split={"group": "group"})
    assert loaded.notes == (
        "8 groups of the training set are also in validation.",
        "8 groups of the training set are also in test.",
    )


def test_a_limit_takes_a_sample_of_every_set_in_proportion(cells):
    loaded = load(**cells, limit=4)
    assert {name: dataset.class_counts() for name, dataset in loaded.sets.items()} == {
        name: {"cat": 2, "dog": 2} for name in ("train", "validation", "test")
    }
    assert loaded.notes == ("At most about 4 images of each set are used (data.limit).",)
    again = load(**cells, limit=4)
    assert again.sets["train"].paths.tolist() == loaded.sets["train"].paths.tolist()


def test_a_limit_leaves_two_images_of_a_rare_class(image_folder):
    folder = image_folder({"train/cat": 60, "train/dog": 3, "val/cat": 1, "val/dog": 1, "test/cat": 1, "test/dog": 1})
    loaded = load(source="folder", path=folder, **CAT_DOG, limit=10)
    assert loaded.sets["train"].class_counts() == {"cat": 10, "dog": 2}  # 10 * 60 / 63 = 9.5


def test_a_source_without_training_images_is_refused(image_folder):
    with pytest.raises(DataError, match="the source has no training images; it has the sets test"):
        load(source="folder", path=image_folder({"test/cat": 1, "test/dog": 1}), **CAT_DOG)


def test_a_class_without_training_images_is_refused(tmp_path, write_image):
    for index in range(2):
        write_image(tmp_path / f"{index}.png", index)
    (tmp_path / "a.csv").write_text("path,label,split\n0.png,cat,train\n1.png,dog,test\n")
    with pytest.raises(DataError, match=r"the training set has no image of class 'dog' \(cat: 1, dog: 0\)"):
        load(source="csv", path=tmp_path / "a.csv", **CAT_DOG, split={"validation": 0})


def test_where_that_empties_a_set_is_refused(tmp_path, write_image):
    for index in range(2):
        write_image(tmp_path / f"{index}.png", index)
    (tmp_path / "a.csv").write_text("path,label,split,cell\n0.png,cat,train,mono\n1.png,dog,test,poly\n")
    with pytest.raises(DataError, match="the source's set 'test' has no image of cat, dog that `where` keeps"):
        load(source="csv", path=tmp_path / "a.csv", **CAT_DOG, where={"cell": "mono"})


@pytest.mark.parametrize(
    ("name", "config", "message"),
    [
        ("x", {"of": "tset", "where": {"cell": "poly"}}, r"data\.test_sets\.x\.of: unknown set 'tset'. Did you mean"),
        ("x", {"of": "test", "where": {"cel": "poly"}}, r"test_sets\.x, a part of test: `where`: unknown column 'cel'"),
        ("x", {"of": "test", "where": {"cell": "pol"}}, "a part of test: `where`: no image has cell 'pol'"),
        ("val", {"of": "test", "where": {"cell": "poly"}}, "'val' is a name of kbin's own"),
        ("x", {"source": "folder", "path": "/nowhere"}, r"data\.test_sets\.x: data\.path: /nowhere does not exist"),
        ("unsplit", {"of": "test", "where": {"cell": "poly"}}, "'unsplit' is a name of kbin's own"),
    ],
)
def test_faulty_test_sets_are_refused(cells, name, config, message):
    with pytest.raises(DataError, match=message):
        load(**cells, test_sets={name: config})


def test_a_test_set_named_as_one_of_the_source_is_refused(image_folder):
    folder = image_folder({**ALL_SETS, "abroad/cat": 1, "abroad/dog": 1})
    with pytest.raises(DataError, match="the source has a set 'abroad' already"):
        load(
            source="folder",
            path=folder,
            **CAT_DOG,
            test_sets={"abroad": {"source": "folder", "path": folder, "use": "abroad"}},
        )


def test_neither_keras_nor_torch_is_imported():
    code = "import sys, kbin.data.sets, kbin.data.images; print([m for m in ('keras', 'torch') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["a\x1b[2J", "a\tb", "a\nb", "a\u2028b", "a\x9b2J", "a\u202eb"])
def test_a_class_whose_name_cannot_be_printed_is_refused(tmp_path, write_image, name):
    images = [write_image(tmp_path / f"{number}.png", number) for number in range(2)]
    (tmp_path / "cells.csv").write_text(f'path,label\n{images[0]},"{name}"\n{images[1]},dog\n', newline="")
    with pytest.raises(DataError, match=r"has a character that cannot be printed\. Rename it") as caught:
        read_sets(DataConfig(source="csv", path=tmp_path / "cells.csv", positive="dog"))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["क्\u200dष", "a\xa0b", "\u3000", "猫", "a\xadb"])
def test_a_class_whose_name_has_joiners_or_odd_spaces_is_read(tmp_path, write_image, name):
    images = [write_image(tmp_path / f"{number}.png", number) for number in range(2)]
    (tmp_path / "cells.csv").write_text(f"path,label\n{images[0]},{name}x\n{images[1]},dog\n")
    (dataset,) = read_sets(DataConfig(source="csv", path=tmp_path / "cells.csv", positive="dog")).values()
    assert set(dataset.classes) == {"dog", f"{name}x".strip()}


@pytest.mark.parametrize("name", ["=SUM(1)", "@cat"])
def test_a_class_that_a_spreadsheet_would_run_is_refused(image_folder, name):
    with pytest.raises(DataError, match=rf"the class '{re.escape(name)}' begins with '{name[0]}', so .* Rename it\."):
        load(source="folder", path=image_folder({name: 4, "dog": 4}), positive="dog")


def test_classes_in_another_order_do_not_hash_the_images_again(image_folder, monkeypatch):
    hashed = []
    content_hash = FileImages.content_hash
    monkeypatch.setattr(FileImages, "content_hash", lambda self, i: hashed.append(i) or content_hash(self, i))
    load(source="folder", path=image_folder({"cat": 8, "dog": 8}), positive="cat")
    assert len(hashed) == 16
