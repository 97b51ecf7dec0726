"""Associative memory: stored digits are recalled from a part of their pixels.

Does a network recall more than a linear memory? 50 digits of 8 x 8 pixels are stored in a linear
recurrent memory and in a generative network. Then each is recalled from some of its pixels, the
same for all. A digit counts as recalled if no pixel is wrong by more than 2 of 16 grey levels. The
network's hidden layer helps where fewer pixels are given than patterns are stored, since the linear
memory then has no unique answer.
"""

import numpy as np
from _common import COLOURS, digits, execute, save

from pcnet.generative import AssociativeMemory, RecurrentMemory

# %%
# Method
# ------
# The linear memory is solved in closed form. The network is trained until it reproduces the 50
# patterns; recall is inference with the known pixels clamped.

N_PATTERNS = 50
SHARES = (0.9, 0.7, 0.5, 0.4, 0.3, 0.2)
SHOWN = 8


def memories(patterns, max_iter=2000):
    """{name: memory} of the patterns."""
    network = AssociativeMemory((256,), n_components=32, max_iter=max_iter, random_state=0)
    return {
        "AssociativeMemory": network.fit(patterns),
        "RecurrentMemory": RecurrentMemory().fit(patterns),
    }


# %%
# The same pixels are hidden in all patterns: chosen at random, or the lower half.


def cover(patterns, share, seed=0):
    """The patterns with NaN in all but a share of their pixels."""
    kept = np.random.default_rng(seed).permutation(patterns.shape[1])
    partial = patterns.astype(float)
    partial[:, kept[round(share * patterns.shape[1]) :]] = np.nan
    return partial


def cover_half(patterns):
    """The patterns with NaN in the lower half of the image."""
    partial = patterns.astype(float)
    partial[:, patterns.shape[1] // 2 :] = np.nan
    return partial


def share_recalled(memory, patterns, partial):
    """Share of the patterns without a wrong pixel."""
    return np.mean(np.abs(memory.recall(partial) - patterns).max(axis=1) < 0.25)


# %%
# Two panels: some digits recalled from their upper half, and the share recalled by the number of
# pixels given.


def draw(patterns, stored, shares, path):
    """Some digits with their lower half missing and recalled; the share recalled by pixels given.

    Parameters
    ----------
    patterns : ndarray, (n, 64)
    stored : {name: memory}
    shares : {name: share recalled for each of SHARES}
    path : path-like
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.6), layout="constrained")
    figure.suptitle("Recalling stored digits from a part", fontsize=13, fontweight="bold")
    left, right = figure.subfigures(1, 2, width_ratios=[1.35, 1])
    left.suptitle("From the upper half", fontsize=12)
    shown = patterns[:SHOWN]
    partial = cover_half(shown)
    rows = {"stored": shown, "given": partial}
    rows.update({name: memory.recall(partial) for name, memory in stored.items()})
    for axes, (name, images) in zip(left.subplots(len(rows), SHOWN), rows.items(), strict=True):
        for ax, image in zip(axes, images, strict=True):
            ax.set_facecolor("#cfd8e3")  # missing pixels
            ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=-1, vmax=1)
            ax.set(xticks=[], yticks=[])
        axes[0].set_ylabel(name.replace("Memory", "\nMemory"), rotation=0, ha="right", va="center")
    ax = right.subplots()
    for (name, values), colour in zip(shares.items(), COLOURS, strict=False):
        ax.plot([64 * s for s in SHARES], values, "o-", label=name, color=colour, lw=2)
    ax.set(xlabel="pixels given, of 64", ylabel=f"share of {len(patterns)} digits recalled")
    ax.set(ylim=(-0.03, 1.03), title="The network needs fewer pixels")
    ax.grid(alpha=0.3)
    ax.legend()
    return save(figure, path)


def run(path):
    """Compute, print and draw; return the figures that the documentation quotes."""
    # %%
    # Result
    # ------
    # The share of the digits that is recalled, by the number of pixels given:

    patterns = digits()[0][:N_PATTERNS]
    stored = memories(patterns)
    shares = {
        name: [share_recalled(memory, patterns, cover(patterns, share)) for share in SHARES]
        for name, memory in stored.items()
    }
    for name, values in shares.items():
        text = ", ".join(f"{64 * s:.0f}: {v:.2f}" for s, v in zip(SHARES, values, strict=True))
        print(f"{name:17s} {text}")
    at = SHARES.index(0.7)

    # %%
    # From most of the pixels, both memories recall every digit. From half to two thirds of them,
    # the network recalls more. From a fifth, neither recalls any: several stored digits fit the
    # pixels given.

    draw(patterns, stored, shares, path)

    # %%
    # What to change next
    # -------------------
    #
    # - More patterns: ``N_PATTERNS``. A narrower network, or more ``n_components``: ``memories``.
    # - Noise in the pixels given, in place of missing ones.
    #
    # More: :class:`pcnet.generative.AssociativeMemory`, :class:`pcnet.generative.RecurrentMemory`
    # and the page :doc:`/generative`.

    return {
        "network": shares["AssociativeMemory"][at],
        "linear": shares["RecurrentMemory"][at],
    }


def main():
    execute(run, __doc__, "memory.png")


if __name__ == "__main__":
    main()
