import pytest

from kbin.audit.fall_words import points, whole_points


@pytest.mark.parametrize(
    ("value", "text"), [(0.123, "12 points"), (0.0104, "1 point"), (0.004, "0.4 points"), (-0.02, "-2 points")]
)
def test_shares_are_told_as_points(value, text):
    assert points(value) == text


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        ((0.304, 0.053, 0.1145), [30, 5, 12]),  # 47.15 in all; rounded one by one they would give 46
        ((0.106, 0.106, 0.106), [11, 11, 10]),  # 31.8: one of three equal ones stays behind
        ((0.3, -0.026, 0.126), [30, -3, 13]),
    ],
)
def test_whole_points_add_up_to_their_rounded_sum(parts, whole):
    assert whole_points(parts) == whole
    assert sum(whole) == round(100 * sum(parts))
