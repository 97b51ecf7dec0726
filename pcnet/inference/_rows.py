"""Arithmetic on `LayerRows`, the arrays of all layers that lie in one block of memory."""

import numpy as np


def hidden_blocks(rows):
    """The hidden layers as few arrays (n_layers, capacity, row stride); writable views.

    Neighbouring layers of equal stride form one array, so an operation takes few NumPy calls at
    any depth.
    """
    groups, start = [], 0
    for stop in range(1, len(rows)):
        if stop == len(rows) - 1 or rows[stop].shape != rows[start].shape:
            groups.append((start, stop))
            start = stop
    begin, blocks = 0, []
    for start, stop in groups:
        end = begin + (stop - start) * rows[start].size
        blocks.append(rows.flat[begin:end].reshape(stop - start, *rows[start].shape))
        begin = end
    return blocks


def add_scaled(blocks, factors, others):
    """``blocks += factors * others`` for the first samples, one factor each; in place."""
    n = len(factors)
    for block, other in zip(blocks, others, strict=True):
        block[:, :n] += factors.astype(block.dtype)[:, None] * other[:, :n]


def sample_squares(blocks, n):
    """Sum of squares over the hidden layers for each of the first n samples, float64 (n,)."""
    total = np.zeros(n)
    for block in blocks:
        total += np.einsum("lij,lij->i", block[:, :n], block[:, :n], dtype=np.float64)
    return total


def copy_samples(targets, sources, which):
    """Copy the samples of a slice or index array, in all layers."""
    for target, source in zip(targets, sources, strict=True):
        target[:, which] = source[:, which]


def keep_samples(blocks, keep):
    """Move the rows of the kept samples (rising index array) to the front, in place."""
    for block in blocks:
        block[:, : len(keep)] = block[:, keep]
