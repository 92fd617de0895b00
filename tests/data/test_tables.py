import pytest

from kbin.data.datasets import UNSPLIT
from kbin.data.tables import read_csv
from kbin.errors import DataError


@pytest.fixture
def write_csv(tmp_path, write_image):
    """Writes a CSV beside the images 0.png ... 5.png."""
    for index in range(6):
        write_image(tmp_path / f"{index}.png", index)

    def write(text: str, encoding: str = "utf-8"):
        (tmp_path / "cells.csv").write_bytes(text.encode(encoding))
        return tmp_path / "cells.csv"

    return write


def test_rows_become_sets_in_source_order_with_every_other_column_kept(write_csv):
    sets = read_csv(
        write_csv("path,label,split,group,site\n0.png,dog,train,p1,A\n1.png,cat,Val,p2,B\n2.png,cat,train,p3,A\n")
    )
    assert list(sets) == ["train", "validation"]
    assert sets["train"].paths.tolist() == ["0.png", "2.png"]
    assert sets["train"].classes == ("cat", "dog")
    assert sets["train"].labels.tolist() == [1, 0]
    assert {name: cells.tolist() for name, cells in sets["train"].columns.items()} == {
        "group": ["p1", "p3"],
        "site": ["A", "A"],
    }


def test_rows_without_a_split_are_unsplit(write_csv):
    sets = read_csv(write_csv("path,label,split\n0.png,dog,\n1.png,cat,test\n2.png,cat, \n"))
    assert {name: len(dataset) for name, dataset in sets.items()} == {UNSPLIT: 2, "test": 1}


def test_a_table_without_the_column_split_is_unsplit(write_csv):
    assert list(read_csv(write_csv("path,label\n0.png,dog\n1.png,cat\n"))) == [UNSPLIT]


def test_own_headings_are_mapped_and_the_group_keeps_both_names(write_csv):
    path = write_csv("file,diagnosis,patient\n0.png,dog,p1\n1.png,cat,p2\n")
    dataset = read_csv(path, columns={"path": "file", "label": "diagnosis", "group": "patient"})[UNSPLIT]
    assert dataset.columns["group"].tolist() == dataset.columns["patient"].tolist() == ["p1", "p2"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_what_spreadsheets_write_is_read(write_csv, encoding, separator):
    text = "path,label\r\n0.png,Kätzchen\r\n\r\n1.png,dog\r\n".replace(",", separator)
    assert read_csv(write_csv(text, encoding))[UNSPLIT].classes == ("Kätzchen", "dog")


def test_absolute_paths_are_read_from_where_they_are(write_csv, tmp_path, write_image):
    elsewhere = write_image(tmp_path / "elsewhere" / "x.png", 50)
    dataset = read_csv(write_csv(f"path,label\n{elsewhere},dog\n./1.png,cat\n"))[UNSPLIT]
    assert dataset.paths.tolist() == [str(elsewhere), "1.png"]
    assert dataset.images.location(0) == str(elsewhere)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\n0.png,dgo\n", "line 2: unknown label 'dgo'. Did you mean 'dog'"),
        ("file,label\n0.png,dog\n", "unknown column 'path'"),
        ("path,label\n0.png,dog\n1.png,\n", "column 'label' is empty in line 3"),
        ("path,label\n0.png,dog,extra\n", "line 2: 3 cells where there are 2 headings"),
        ("path,label\n../0.png,dog\n", r"line 2: '\.\./0\.png' lies outside .*write an absolute path"),
        ("path,label\na/../../0.png,dog\n", "lies outside"),
        ("path,label\n0.png,dog\n./0.png,cat\n", r"line 3: '\./0\.png' is already in line 2"),
        ("path,label,label\n0.png,dog,cat\n", "two columns have the same heading"),
        ("path,label\n", "headings but no rows"),
        ("", "is empty"),
    ],
)
def test_a_faulty_table_is_refused_with_the_place(write_csv, text, message):
    with pytest.raises(DataError, match=message):
        read_csv(write_csv(text), ["cat", "dog"])


@pytest.mark.parametrize(
    "cell", ["~/0.png", "..\\\\0.png", "file:0.png", "file:///0.png", "0.png\\0", "sub", ".", "a" * 5_000, "0.png/x"]
)
def test_a_strange_path_names_no_image_and_its_message_stays_short(write_csv, tmp_path, cell):
    (tmp_path / "sub").mkdir()
    with pytest.raises(DataError, match="1 image not found in") as caught:
        read_csv(write_csv(f"path,label\n{cell},dog\n1.png,cat\n"))
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize(
    ("link", "target", "cell"),
    [
        ("inside", "../elsewhere", "inside/x.png"),
        ("x.png", "../elsewhere/x.png", "x.png"),
        ("near", "../data-of-another", "near/x.png"),
        ("up", "..", "up/elsewhere/x.png"),
    ],
)
def test_a_relative_path_that_leaves_the_folder_by_a_link_is_refused(tmp_path, write_image, link, target, cell):
    write_image(tmp_path / "elsewhere" / "x.png", 1)
    write_image(tmp_path / "data-of-another" / "x.png", 2)
    write_image(tmp_path / "data" / "0.png", 3)
    (tmp_path / "data" / link).symlink_to(target)
    table = tmp_path / "data" / "cells.csv"
    table.write_text(f"path,label\n0.png,dog\n{cell},cat\n")
    with pytest.raises(DataError, match=rf"line 3: '{cell}' leads out of .*data by a link: write an absolute path"):
        read_csv(table)


def test_links_within_the_folder_and_a_folder_that_is_one_are_followed(tmp_path, write_image):
    write_image(tmp_path / "data" / "deep" / "0.png", 1)
    write_image(tmp_path / "data" / "deep" / "1.png", 2)
    (tmp_path / "data" / "near").symlink_to("deep")
    (tmp_path / "data" / "file.png").symlink_to("deep/1.png")
    (tmp_path / "data" / "cells.csv").write_text("path,label\nnear/0.png,dog\nfile.png,cat\n")
    (tmp_path / "linked").symlink_to("data")
    assert read_csv(tmp_path / "linked" / "cells.csv")[UNSPLIT].paths.tolist() == ["near/0.png", "file.png"]


@pytest.mark.parametrize("name", ["../history", "a/b", "a\\b", "x" * 61, "a\x1b[2J"])
def test_a_set_whose_name_is_no_name_of_a_file_is_refused(write_csv, name):
    with pytest.raises(DataError, match=r"a set is called .* Give it a name of at most 60 letters"):
        read_csv(write_csv(f"path,label,split\n0.png,dog,{name}\n1.png,cat,train\n"))


def test_a_table_that_needs_more_memory_than_there_is_is_refused(write_csv, monkeypatch):
    path = write_csv("path,label\n0.png,dog\n1.png,cat\n")
    monkeypatch.setattr("kbin.data.memory_limits.available_memory", lambda: 100)
    with pytest.raises(DataError, match=r"cells\.csv needs .* GB of memory, and"):
        read_csv(path)


def test_one_class_only_is_refused(write_csv):
    with pytest.raises(DataError, match="one class only, 'dog'"):
        read_csv(write_csv("path,label\n0.png,dog\n1.png,dog\n"))


def test_missing_images_are_named_up_to_five(write_csv):
    rows = "".join(f"gone{index}.png,dog\n" for index in range(7))
    with pytest.raises(DataError, match=r"7 images not found in .*: line 2: gone0\.png.*line 6: gone4\.png and 2 more"):
        read_csv(write_csv("path,label\n" + rows), ["cat", "dog"])


def test_an_unknown_key_of_columns_is_refused(write_csv):
    with pytest.raises(DataError, match=r"data\.columns: unknown column 'lable'. Did you mean 'label'"):
        read_csv(write_csv("path,label\n0.png,dog\n"), columns={"lable": "x"})


def test_a_mapped_heading_must_be_there(write_csv):
    with pytest.raises(DataError, match=r"unknown column 'patent'. Did you mean 'patient'"):
        read_csv(write_csv("path,label,patient\n0.png,dog,p\n"), columns={"group": "patent"})


def test_text_in_another_encoding_is_refused(write_csv):
    with pytest.raises(DataError, match="Save it again as CSV in UTF-8"):
        read_csv(write_csv("path,label\n0.png,Kätzchen\n", "latin-1"))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"no\.csv does not exist. A CSV file with the columns path, label"):
        read_csv(tmp_path / "no.csv")
    with pytest.raises(DataError, match="is a folder, not a CSV file"):
        read_csv(tmp_path)
