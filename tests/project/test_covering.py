"""The subset of a test's grid that is not marked slow, against the definition; `all_points`."""

import itertools

import pytest

from ..helpers import all_points, covering

GRID = [
    dict(zip("abcd", values, strict=True))
    for values in itertools.product(range(3), range(2), range(5), range(2))
]


@pytest.mark.parametrize(("strength", "at_most"), [(1, 5), (2, 18), (3, 40), (4, 60)])
def test_covering_holds_all_combinations_in_few_points(strength, at_most):
    kept = covering(GRID, strength)
    assert kept == sorted(set(kept))
    assert len(kept) <= at_most
    for names in itertools.combinations("abcd", strength):
        found = {tuple(GRID[i][name] for name in names) for i in kept}
        assert found == {tuple(point[name] for name in names) for point in GRID}


def test_covering_uses_all_values_about_as_often():
    points = [{"a": a, "b": b} for a in range(12) for b in range(3)]
    kept = covering(points, 1)
    assert [points[i]["a"] for i in kept] == list(range(12))
    assert sorted(points[i]["b"] for i in kept) == [0] * 4 + [1] * 4 + [2] * 4


def test_covering_of_few_arguments_is_the_whole_grid():
    assert covering(GRID[:1], 2) == [0]
    assert covering([{"a": 0}, {"a": 1}], 1) == [0, 1]
    assert covering([], 2) == []


def test_covering_of_more_values_than_arguments_is_an_error():
    with pytest.raises(ValueError, match="must have 3 arguments"):
        covering([{"a": 0, "b": 1}], 3)


def test_all_points_names_each_point_that_fails():
    @pytest.mark.parametrize("other", [5])
    @all_points("a, b", [(1, 0), (2, 5), (3, 0)])
    def check(a, b, other):
        if a == 3:
            pytest.fail("as asked")
        assert b == other

    with pytest.raises(AssertionError) as caught:
        check(other=5)
    text = str(caught.value)
    assert text.startswith("2 of 3 points:\n{'a': 1, 'b': 0}: AssertionError")
    assert "{'a': 3, 'b': 0}: Failed: as asked" in text
    assert "'a': 2" not in text
    assert [mark.name for mark in check.pytestmark] == ["parametrize"]
