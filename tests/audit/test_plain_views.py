"""What views without a look at the image hold, by hand."""

import numpy as np
import pytest

from kbin.audit.plain_views import borders, fact_codes, thumbnails
from tests.audit.audited import audited_set


def test_a_thumbnail_is_the_mean_of_blocks_of_three_pixels():
    miniatures = np.zeros((1, 48, 48, 3), np.uint8)
    miniatures[0, 0:3, 3:6, 1] = [[0, 30, 60], [90, 90, 90], [0, 0, 0]]

    rows = thumbnails(audited_set("test", np.zeros(1), miniatures=miniatures)).reshape(16, 16, 3)

    assert rows[0, 1].tolist() == pytest.approx([0, 40, 0])
    assert rows.sum() == pytest.approx(40)


def test_a_border_sees_the_outer_four_pixels_and_nothing_else():
    miniatures = np.zeros((2, 48, 48, 3), np.uint8)
    miniatures[0, 4:44, 4:44] = 255
    miniatures[1, :4] = 200

    rows = borders(audited_set("test", np.zeros(2), miniatures=miniatures))

    assert rows.shape == (2, 44 * 3)
    assert (rows[0] == 0).all()
    assert (rows[1] == 200).sum() == 12 * 3


def test_the_code_of_a_text_is_the_same_in_each_set_and_unknown_is_nan():
    first = fact_codes({"format": np.array(["PNG", "JPEG", ""])}, "format", 3)
    second = fact_codes({"format": np.array(["JPEG", "TIFF"])}, "format", 2)

    assert first[1] == second[0]
    assert len({first[0], first[1], second[1]}) == 3
    assert np.isnan(first[2])
    assert np.isnan(fact_codes({}, "format", 2)).all()
