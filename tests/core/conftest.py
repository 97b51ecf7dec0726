"""Fixtures of the core's tests: batch sizes around the tile, shapes, and thread counts."""

import pytest

from pcnet._core.binding import TILE_SIZE

# around one tile and two, and a last tile of one sample
BATCH_SIZES = (1, 2, TILE_SIZE - 1, TILE_SIZE, TILE_SIZE + 1, 2 * TILE_SIZE, 2 * TILE_SIZE + 1)

SHAPES = {
    "no hidden layer": (4, 3),
    "one hidden layer": (3, 5, 2),
    "width 1": (1, 1, 1, 1, 1),
    "one output": (3, 6, 6, 1),
    "unequal widths": (5, 17, 9, 9, 33, 2),
    "around a vector": (15, 16, 16, 16, 17),
    "around a panel": (33, 32, 32, 31, 32, 32, 10),
    "several panels": (40, 70, 70, 70, 3),
    "deep": (4, *(6,) * 12, 3),
}


@pytest.fixture(params=BATCH_SIZES)
def n_samples(request):
    return request.param


@pytest.fixture(params=SHAPES.values(), ids=SHAPES.keys())
def layer_sizes(request):
    return request.param
