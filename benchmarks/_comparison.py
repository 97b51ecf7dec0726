"""Two rules of learning on the same seeds, each at its best learning rate; where.py uses it."""

from typing import NamedTuple

import numpy as np
from scipy import stats

#: The rule that all others are compared with.
BASELINE = "backprop"
TUNING_SEEDS = (1000, 1001, 1002)


class Case(NamedTuple):
    """An experiment: ``train(options of a rule, learning rate, seed)`` -> (validation, test)."""

    name: str
    train: object
    rates: tuple
    rules: dict


def compare(case, n_seeds):
    """{rule: its learning rate, test scores and paired differences from the baseline's}."""
    found = {}
    for rule, options in case.rules.items():
        rate, validation, at_edge = chosen_rate(case, options)
        test = np.array([case.train(options, rate, seed)[1] for seed in range(n_seeds)])
        found[rule] = {
            "rate": rate,
            "at_edge": at_edge,
            "validation": validation,
            "test": test.tolist(),
            "mean": test.mean(),
        }
        if rule != BASELINE:
            found[rule] |= paired(test, np.array(found[BASELINE]["test"]))
    return found


def chosen_rate(case, options):
    """The rate of the best validation score, the scores of the grid, whether it is outside of that.

    The scores are means over `TUNING_SEEDS`. After the grid the rates between its best one and
    the two neighbours are tried; a coarse grid favours the rule whose best rate is on it.
    """
    if len(case.rates) == 1:
        return case.rates[0], [0.0], False

    def validation(rate):
        return float(np.mean([case.train(options, rate, seed)[0] for seed in TUNING_SEEDS]))

    scores = [validation(rate) for rate in case.rates]
    best = int(np.argmax(scores))
    tried = {case.rates[best]: scores[best]}
    for factor in (10**-0.25, 10**0.25):
        rate = float(f"{factor * case.rates[best]:.2g}")
        tried[rate] = validation(rate)
    rate = max(tried, key=tried.get)
    return rate, scores, not case.rates[0] <= rate <= case.rates[-1]


def good_rates(validation, margin=0.05):
    """How many rates of the grid score within five points of the best."""
    return int(np.sum(np.array(validation) >= max(validation) - margin))


def paired(a, b):
    """Mean of a - b, its standard error, effect size (mean / deviation), p of a paired t-test."""
    difference = np.asarray(a) - b
    mean, deviation, n = difference.mean(), difference.std(ddof=1), len(difference)
    effect = mean / deviation if deviation > 0 else np.copysign(np.inf, mean) if mean else 0.0
    return {
        "difference": mean,
        "se": deviation / np.sqrt(n),
        "effect": effect,
        "wins": int(np.sum(difference > 0)),
        "losses": int(np.sum(difference < 0)),
        "p": float(2 * stats.t.sf(abs(effect) * np.sqrt(n), n - 1)),
    }


def show(name, found):
    """A line for each rule."""
    print(f"\n  {name}", flush=True)
    for rule, row in found.items():
        label = rule if rule == BASELINE else f"precision {rule}"
        edge = "*" if row["at_edge"] else " "
        good = f"({good_rates(row['validation'])} good)" if len(row["validation"]) > 1 else ""
        line = f"    {label:14s} {100 * row['mean']:6.2f}  rate {row['rate']}{edge} {good}"
        if rule != BASELINE:
            line = (
                f"{line:48s} {100 * row['difference']:+6.2f} +- {100 * row['se']:.2f}"
                f"  d {row['effect']:+5.2f}  {row['wins']}:{row['losses']}  p {row['p']:.4f}"
            )
        print(line, flush=True)


def summary(kept):
    """How many differences are significant, alone and after Bonferroni's correction."""
    rows = [
        (f"{case}, precision {rule}", row)
        for case, found in kept.items()
        for rule, row in found.items()
        if rule != BASELINE
    ]
    limit = 0.05 / max(1, len(rows))
    alone = sum(row["p"] < 0.05 for _, row in rows)
    print(f"\n{len(rows)} comparisons, {alone} with p < 0.05; with p < 0.05 / {len(rows)}:")
    for name, row in rows:
        if row["p"] < limit:
            print(f"  {name}: {100 * row['difference']:+.2f}, d {row['effect']:+.2f}")


def draw(kept, path):
    """A panel for each setting: differences with 95 % intervals, a row for each case."""
    from matplotlib.figure import Figure

    settings = list(dict.fromkeys(key.split(":")[0] for key in kept))
    figure = Figure(figsize=(13, 9), layout="constrained")
    panels = figure.subplots(3, 3).ravel()
    for ax in panels[len(settings) :]:
        ax.set_axis_off()
    for ax, setting in zip(panels, settings, strict=False):
        cases = {
            key.split(": ", 1)[1]: found
            for key, found in kept.items()
            if key.startswith(f"{setting}:")
        }
        draw_setting(ax, cases)
        ax.set_title(setting)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="lower right")
    figure.supxlabel("predictive coding minus backpropagation, points of per cent")
    figure.savefig(path, dpi=150)


def draw_setting(ax, cases):
    rules = [rule for rule in next(iter(cases.values())) if rule != BASELINE]
    for index, (rule, colour) in enumerate(zip(rules, ("C2", "C1", "C3"), strict=False)):
        rows = [found[rule] for found in cases.values()]
        reach = [stats.t.ppf(0.975, len(row["test"]) - 1) * 100 * row["se"] for row in rows]
        ax.errorbar(
            [100 * row["difference"] for row in rows],
            np.arange(len(rows)) + 0.25 * (index - 1),
            xerr=reach,
            fmt="o",
            ms=4,
            color=colour,
            label=f"precision {rule}",
        )
        if np.max(np.abs([row["difference"] for row in rows])) > 0.2:
            ax.set_xscale("symlog", linthresh=1)
    ax.axvline(0, color="black", lw=0.8)
    ax.set_yticks(np.arange(len(cases)), list(cases), fontsize=8)
    ax.invert_yaxis()
    ax.grid(alpha=0.3, axis="x")
