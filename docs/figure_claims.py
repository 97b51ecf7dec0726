"""What the pages quote: passages with the names of the figures in place of the numbers.

In a passage `{name:format}` stands for a number of figures.json, white space for any white space.
Every passage must be on its page once, with the number that the format makes of the kept figure:
a format of Python, or `.1f*100` for a multiple, `~10` for a rounded number, `e` for one significant
digit such as 2e-5, and `decades` for the power of ten. `{any:}` is a number that is not held, such
as a time.
"""

import math
import re

ENERGY_ROW = (
    "| {layers} layers {activation}, {loss} | {{sharpness.{n}.{activation}.{loss}.lambda:.2f}} "
    "| {{sharpness.{n}.{activation}.{loss}.3:.2f}} | {{sharpness.{n}.{activation}.{loss}.5:.2f}} "
    "| **{{sharpness.{n}.{activation}.{loss}.10:.2f}}** "
    "| {{sharpness.{n}.{activation}.{loss}.30:.2f}} "
    "| {{sharpness.{n}.{activation}.{loss}.probability:.2f}} |"
)
DEPTHS = (8, 16, 32, 64, 128)
PROBLEMS = ("cancer", "rare", "digits")


#: Activation -> methods in the order of the table; the columns that are held, and their formats.
METHODS = {
    "tanh": [
        *("Backprop()", "ZeroDivergence()", "ErrorDescent()"),
        "ErrorDescent(energy_tol=0.0, max_steps=200, tol=0.0001)",
        *(
            "ProspectiveConfiguration()",
            "LearnedPrecision()",
            "Nudged()",
            "Nudged(kind='positive')",
        ),
        *("ErrorOptimization(rate=0.3)", "GaussSeidel()", "ActivityDescent(rate=0.25)"),
        *("ActivityDescent(momentum=0.8, rate=0.25)", "NesterovDescent(n_steps=20, rate=0.25)"),
        *("NesterovDescent(n_steps=100, rate=0.25)", "AdamActivityDescent(rate=0.003)"),
        *("IncrementalDescent(rate=0.25)", "PrecisionDescent(n_steps=21)"),
        *("ForwardUpdate(method=PrecisionDescent(n_steps=21))", "GradientFlow()"),
        *(
            "GradientFlow(step=0.25)",
            "GradientFlow(atol=1e-05, pair='bogacki_shampine', rtol=0.0001)",
        ),
        "AugmentedLagrangian(n_steps=40)",
    ],
    "identity": [
        *("Backprop()", "ExactEquilibrium()", "ErrorDescent()", "ActivityDescent(rate=0.25)"),
        *("AugmentedLagrangian(n_steps=40)", "AugmentedLagrangian(n_steps=400)"),
    ],
}
COLUMNS = {"passes": ".1f", "excess": ".1e", "backprop": ".4f", "equilibrium": ".4f"}


def methods_table(activation):
    """All rows of a table of docs/inference.md; their times are not held."""
    source = f"inference_methods.{activation}"
    return "\n".join(
        row(
            f"`{method}`",
            [f"{{{source}.{method}.{what}:{form}}}" for what, form in COLUMNS.items()] + ["{any:}"],
        )
        for method in METHODS[activation]
    )


def row(title, cells):
    return f"| {title} | " + " | ".join(cells) + " |"


#: Page -> passages.
#: Row of docs/deep-losses.md -> its figures; losses in the order of the columns.
LOSSES = ("poisson", "log_loss", "multilabel")
LEARNING = {
    "settled state, as published": "settled",
    "output precision / 10": "tenth",
    "output precision / 100": "hundredth",
    "one step of inference": "one_step",
    "the loss's quadratic model with curvature 1": "quadratic",
    "the same, feed-forward activities": "quadratic_forward",
    "feed-forward activities, settled output delta": "forward",
    "**feed-forward activities and output delta**": "chosen",
    "backpropagation": "backprop",
}
HELD_OUT = {
    "settled state": "settled",
    "chosen": "chosen",
    "precision / 100": "hundredth",
    "backpropagation": "backprop",
}


def group_row(label, name):
    """A row of the table of variants."""
    cells = [
        f"{{deep_losses.groups.{loss}.{name}.{depth}:.2f}}"
        for loss in LOSSES
        for depth in (1, 4, 16)
    ]
    return f"| {label} | " + " | ".join(cells) + " |"


def held_out_row(loss, label):
    """A row of the table of losses on new samples."""
    name = f"{loss}.{HELD_OUT[label]}"
    cells = [
        f"{{deep_losses.held_out.{name}.{depth}:.3f}} ({{deep_losses.passes.{name}.{depth}:.1f}})"
        for depth in (1, 2, 8, 32, 64)
    ]
    head = {"poisson": "Poisson", "log_loss": "log loss"}.get(loss, loss)
    return f"| {head} | {label} | " + " | ".join(cells) + " |"


#: Rows and columns of docs/how-deep.md.
TITLES = {f"{k} steps": f"early.{k}" for k in (2, 4, 8)} | {"to the equilibrium": "exact.1"}
PRECISIONS = ("1", "0.3", "0.1", "0.0273", "0.00781")
NESTEROV_STEPS = (32, 64, 128, 256, 512)
ERRORS = (("$\\lambda = 1$", "1"), ("$\\lambda = 3.5 / L$", "auto"))


def how_deep():
    """Passages of docs/how-deep.md."""
    epoch, trained = "depth.epoch", "depth.128x32.300"
    yield row(
        "**pcnet**, error descent",
        [
            f"{{{epoch}.128x128.0.error.passes:.1f}} passes",
            f"{{{epoch}.128x128.0.error.accuracy:.2f*100}} %",
            f"{{{epoch}.128x128.0.error.seconds:.0f}}",
        ],
    )
    yield row(
        "pcnet, backpropagation",
        [
            "1 pass",
            f"{{{epoch}.128x128.0.backprop.accuracy:.2f*100}} %",
            f"{{{epoch}.128x128.0.backprop.seconds:.0f}}",
        ],
    )
    yield (
        f"test accuracy {{{epoch}.1000x32.0.error.accuracy:.1f*100}} % after "
        f"{{{epoch}.1000x32.0.error.seconds:.0f}} seconds by the clock, in "
        f"{{{epoch}.1000x32.0.error.passes:.1f}} passes a sample"
    )
    for title, name in ({"error descent, 1 step": "early.1"} | TITLES).items():
        cells = [f"{{{trained}.{name}.passes:.1f}}", f"{{{trained}.{name}.accuracy:.1f*100}} %"]
        yield row(title, cells)
    yield row("none: backpropagation", ["1", f"{{{trained}.backprop.accuracy:.1f*100}} %"])
    for title, what, form in (
        ("passes a sample", "passes", ".1f"),
        ("test accuracy at equilibrium, %", "accuracy", ".1f*100"),
    ):
        cells = [f"{{{trained}.exact.{value}.{what}:{form}}}" for value in PRECISIONS]
        yield row(
            title, [*cells, "1" if what == "passes" else f"{{{trained}.backprop.{what}:{form}}}"]
        )
    cells = [f"{{depth.128x32.300.steps.{k}.accuracy:.1f*100}}" for k in NESTEROV_STEPS]
    yield row("test accuracy, %", cells)
    cells = [f"{{depth.128x32.excess.{k}.left:.1f*100}}" for k in NESTEROV_STEPS]
    yield row("excess energy left on a new network, %", cells)
    slow = "depth.128x32.300.rate 0.001"
    yield (
        f"at precision 1 reaches {{{slow}.exact.1.accuracy:.1f*100}} % after these 300 batches at "
        f"the equilibrium and {{{slow}.early.8.accuracy:.1f*100}} % after eight steps; "
        f"backpropagation reaches {{{slow}.backprop.accuracy:.1f*100}} % (one seed)"
    )
    for title, name in ERRORS:
        cells = [f"{{depth.response.{d}x32.{name}.left:.0f*100}}" for d in (4, 8, 16, 32, 64, 128)]
        yield row(f"output error left at {title}, %", cells)


#: Setting -> cases of docs/where-it-helps.md.
NETWORKS = ("plain", "plain by Adam", "default")
WHERE = {
    "online": [f"digits, {name}" for name in NETWORKS],
    "continual": [f"{kind} digits, {name}" for kind in ("permuted", "split") for name in NETWORKS],
    "little": [
        *(f"{n} digits, {name}" for name in NETWORKS for n in (10, 100)),
        *(f"100 rows of friedman1, {name}" for name in NETWORKS),
    ],
    "noise": [f"digits, {share} wrong, {name}" for name in NETWORKS for share in ("20%", "40%")],
    "origin": [
        f"digits, {start} start, {solver}"
        for start in ("origin", "usual")
        for solver in ("sgd", "adam")
    ],
    "narrow": [
        f"digits, {shape}" for shape in ("4 layers of 10", "8 layers of 10", "8 layers of 32")
    ],
    "tables": ["iris", "wine", "breast cancer", "digits", "diabetes (R2)", "friedman1 (R2)"],
}


def where_row(setting, case):
    """Backpropagation's score, and differences with standard errors and effect sizes."""
    rules = ("0.1", "1") if setting == "tables" else ("0.1", "1", "10")
    name = f"where.{setting}.{case}"
    cells = [f"{{{name}.backprop.mean:.1f*100}}"]
    for rule in rules:
        found = f"{name}.{rule}"
        cells.append(
            f"{{{found}.difference:z.1f*100}} ± {{{found}.se:.1f*100}} ({{{found}.effect:z.1f}})"
        )
    return row(case, cells)


#: Columns of the table of docs/cost.md.
COSTS = ("error descent", "Nesterov's method", "gradient descent")

CLAIMS = {
    "docs/where-it-helps.md": [
        *(where_row(setting, case) for setting, cases in WHERE.items() for case in cases),
        "There are {where.comparisons:.0f};",
        "below 0.05 / {where.comparisons:.0f} in",
    ],
    "docs/deep-losses.md": [
        *(group_row(*row) for row in LEARNING.items()),
        *(held_out_row(loss, label) for loss in LOSSES for label in HELD_OUT),
        "after 800 it was {deep_losses.drift.800:.0f*100} % too small",
        "is {deep_losses.huber.chosen:.2f}. The settled state found "
        "{deep_losses.huber.settled.1:.1f}, {deep_losses.huber.settled.8:.1f} and "
        "{deep_losses.huber.settled.32:.1f} at",
    ],
    "docs/energy.md": [
        "that costs {energy_passes.5.float32:.0f} passes a sample in float32 and "
        "{energy_passes.5.float64:.0f} in float64, and leaves at most {energy_passes.left:e} of",
        "{energy_decay.5.float32.passes:.0f} and {energy_decay.5.float64.passes:.0f} passes at 5 "
        "layers, {energy_decay.31.float32.passes:.0f} and {energy_decay.31.float64.passes:.0f} at "
        "31 layers. There some samples use up the 1,000 steps and have "
        "{energy_decay.31.float64.left:e} of",
        "leaves at most {energy_decay.31.short.left:e} there in "
        "{energy_decay.31.short.passes:.0f} passes.",
        "Average precision {mislabelled_digits.energy:.3f}, against "
        "{mislabelled_digits.probability:.3f} for `1 - predict_proba` of the same networks",
        "`MLPClassifier` with early stopping ({mislabelled_digits.mlp:.3f})",
        "{novelty.score:.3f} by `score_samples`, {novelty.probability:.3f} by the largest "
        "probability of the same network, {novelty.forest:.3f} by an isolation forest",
        "(mean area {novelty.letter:.3f} above)",
        *(
            ENERGY_ROW.format(layers=n, n=n, activation=activation, loss=loss)
            for n, activation in ((4, "relu"), (4, "tanh"), (31, "relu"))
            for loss in ("squared_error", "log_loss")
        ),
    ],
    "docs/generative.md": [
        "the network recalled {memory.network:.0f*100} % from 45 pixels, the linear memory "
        "{memory.linear:.0f*100} %.",
        "It classifies {generation.accuracy:.1f*100} % of the test digits correctly.",
        "the area is {novel_rows.tumours.energy.half:.3f} on tumours and "
        "{novel_rows.digits.energy.half:.3f} on digits, that of a Gaussian mixture on rows filled "
        "with means {novel_rows.tumours.mixture.half:.3f} and "
        "{novel_rows.digits.mixture.half:.3f}.",
    ],
    "docs/inference.md": [methods_table("tanh"), methods_table("identity")],
    "docs/depth.md": [
        row("muPC, test accuracy", [f"{{depth.mupc.{d}:.1f*100}} %" for d in DEPTHS]),
        row("sp, test accuracy", [f"{{depth.sp.{d}:.1f*100}} %" for d in DEPTHS]),
        "muPC's best rate of a grid is {learning_rates.mupc.32 x 8:g} for 32 units x 8 layers, "
        "{learning_rates.mupc.128 x 32:g} for 128 x 32 and {learning_rates.mupc.512 x 128:g} for "
        "512 x 128",
        "With sp it falls from {learning_rates.sp.32 x 8:g} to {learning_rates.sp.128 x 32:g} or",
    ],
    "docs/cost.md": [
        *(
            row(title, [f"{{hardware_cost.{name}.{what}:.1f}}" for name in COSTS])
            for title, what in (
                ("multiply-adds", "work"),
                ("bytes between layers", "links"),
                ("numbers kept for a sample", "kept"),
            )
        ),
        "predictive coding may take {hardware_cost.even.1:.0f} steps for the same energy with "
        "single samples, but only {hardware_cost.even.64:.0f} with batches of 64",
    ],
    "docs/how-deep.md": [*how_deep()],
    "docs/theory.md": [
        "(the activities shrink by $10^{conditioning.growth.sp:decades}$ in 32 layers)",
        "grows with the depth to the power of {conditioning.power_of_depth:.1f},",
        "another factor of {conditioning.least_rise:.1f} to {conditioning.greatest_rise:.1f} in 16",
        "10 hidden layers take it {equilibrated_energy.steps.10:.0f} steps to within 1e-7",
        "cosine of 31 hidden layers is at most {energy_to_loss.sp_cosine:.2f}",
    ],
    "docs/saddles.md": [
        "leaves the plateau after about {origin_saddle.escape:~10} steps, backpropagation does not "
        "within {origin_saddle.stays:.0f}",
    ],
    "docs/trust_region.md": [
        "with {trust_region.energy.escape:.3f} and {trust_region.energy.trap:.3f}: more negative",
        "after {trust_region.energy.steps:.1f} steps instead of {trust_region.loss.steps:.1f}",
        "moves $w_2$ by {trust_region.backprop:.3f}, and the trust region adds "
        "{trust_region.added:.3f} to that",
    ],
    "docs/outputs.md": [
        row("`PCClassifier`", [f"{{log_loss.default.{p}:.3f}}" for p in PROBLEMS]),
        row('with `loss="log_loss"`', [f"{{log_loss.log_loss.{p}:.3f}}" for p in PROBLEMS]),
        row('calibrated, "temperature"', [f"{{log_loss.calibrated.{p}:.3f}}" for p in PROBLEMS]),
        row("`MLPClassifier`", [f"{{log_loss.mlp.{p}:.3f}}" for p in PROBLEMS]),
    ],
    "docs/data.md": [
        "the R2 of a `PCRegressor` is {offset.offset:.2f}, as on centred ones (an "
        "`MLPRegressor`'s is {offset.mlp.offset:.2f})",
    ],
    "docs/trust.md": [
        "{mutants.c_core:.0f} wrong versions of the C core, {mutants.python_parts:.0f} of the",
    ],
    "docs/performance.md": ["(1024 costs {scaling.batch_1024:.2f} of 32)"],
    "benchmarks/README.md": [
        "a batch of 1024 costs {scaling.batch_1024:.2f} of one of 32",
        "| test accuracy | {mnist.accuracy.30:.2f*100} % | {mnist.accuracy.128:.2f*100} % |",
    ],
    "README.md": [
        "| MNIST, 30 layers of 128, 900 batches of 64 | {mnist.accuracy.30:.1f*100} %",
        "| MNIST, 128 layers of 128, one epoch | {mnist.accuracy.128:.1f*100} %",
    ],
}

PLACE = re.compile(r"\{([^{}:]+):([^{}]*)\}")
QUOTED = r"(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)"


def flat(kept):
    """{"source.key": number} of the kept file, what was computed and what was measured."""
    found = {}
    for part in ("computed", "measured"):
        for source, figures in kept.get(part, {}).items():
            found |= {f"{source}.{key}": value for key, value in figures.items()}
    return found


def pattern(passage):
    """(regular expression, [(name, format)]) of a passage."""
    parts = PLACE.split(passage)
    literal = [r"\s+".join(map(re.escape, re.split(r"\s+", part))) for part in parts[::3]]
    return re.compile(QUOTED.join(literal)), list(zip(parts[1::3], parts[2::3], strict=True))


def shown(value, form):
    """A figure as a page shows it."""
    if form == "e":
        digits, _, power = f"{value:.0e}".partition("e")
        return f"{digits}e{int(power)}"
    if form == "decades":
        return str(round(abs(math.log10(value))))
    if form.startswith("~"):
        return str(int(form[1:]) * round(value / int(form[1:])))
    form, _, factor = form.partition("*")
    return format(value * float(factor or 1), form)


def located(text, passage):
    """The one match of a passage in a page, or a sentence on why there is none."""
    found = list(pattern(passage)[0].finditer(text))
    if len(found) == 1:
        return found[0], None
    return None, f"{'no' if not found else len(found)} place(s) that read: {passage}"


def problems(root, figures):
    """Lines on the passages that are not on their page, or say something else."""
    for page, passages in CLAIMS.items():
        text = (root / page).read_text(encoding="utf-8")
        for passage in passages:
            match, problem = located(text, passage)
            if problem:
                yield f"{page}: {problem}"
                continue
            for (name, form), said in zip(pattern(passage)[1], match.groups(), strict=True):
                if name == "any":
                    continue
                if name not in figures:
                    yield f"{page}: no figure {name} in figures.json"
                elif said != shown(figures[name], form):
                    yield f"{page}: says {said}, {name} is {shown(figures[name], form)}"


def rewrite(root, figures):
    """Put the kept figures into all pages; the pages that have changed."""
    for page, passages in CLAIMS.items():
        path = root / page
        text = old = path.read_text(encoding="utf-8")
        for passage in passages:
            match, problem = located(text, passage)
            if problem:
                continue  # `problems` reports it
            for place, (name, form) in reversed(list(enumerate(pattern(passage)[1], 1))):
                if name in figures:
                    start, end = match.span(place)
                    text = text[:start] + shown(figures[name], form) + text[end:]
        if text != old:
            path.write_text(text, encoding="utf-8")
            yield page
