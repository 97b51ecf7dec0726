"""Figures and pictures of the documentation: compute them, keep them, hold the pages to them.

    python docs/figures.py --write [NAME ...]   # compute; rewrite figures.json, pictures and pages
    python docs/figures.py --check [NAME ...]   # compute again; compare with what is kept
    python docs/figures.py --check-pages        # compare the pages with figures.json: no computing

A NAME is an example, or one of the other sources below; without one it is all of them. What a page
quotes is listed in figure_claims.py. Figures that only a benchmark on a quiet machine can give are
kept in figures.json under "measured", by script, and are not computed here.
"""

import argparse
import contextlib
import io
import json
import math
import re
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
KEPT, IMAGES = HERE / "figures.json", HERE / "images"
DRAWN, PRINTED = IMAGES / "drawn.json", IMAGES / "printed.json"
sys.path[:0] = [str(HERE), str(HERE / "_ext")]

import example_scripts  # noqa: E402
import figure_claims  # noqa: E402
import figures_drawn  # noqa: E402
import figures_quoted  # noqa: E402
import page_outputs  # noqa: E402

from pcnet._core import binding  # noqa: E402

EXAMPLES = [path.stem for path in sorted((ROOT / "examples").glob("[!_]*.py"))]


def example(name):
    """A source: a script as its page in the gallery runs it; it draws NAME.png and a thumbnail."""

    def run(folder):
        page = example_scripts.unfold(ROOT / "examples" / f"{name}.py")
        figures, run.printed = example_scripts.compute(page, folder / f"{name}.png")
        return figures

    return run


def ten_pages(folder):
    """The pictures of the ten pages."""
    import draw_pictures

    draw_pictures.main(["--output", str(folder / "ten-pages")])
    return {}


def inference(folder):
    """The demo's picture, which the README shows, without the demo's table of peers."""
    from pcnet._demo import _command, _picture

    options = _command.parse_arguments([])
    data = _command.load_data(options.seed)
    model, row = _command.train_pcnet(options, data)
    traces = _picture.record_energies(model, data.X_test, data.y_test)
    _picture.draw(traces, folder / "inference.png", dpi=150)
    return {"accuracy": row.accuracy, "n_passes": row.n_passes}


#: Name -> function(folder of the pictures) -> {key: number}
SOURCES = {name: example(name) for name in EXAMPLES} | {
    "ten_pages": ten_pages,
    "inference": inference,
    **figures_quoted.SOURCES,
}


def compute(name, folder):
    """Figures of a source, what it drew into a folder, and what the cells of an example printed."""
    for part in ("ten-pages", "thumbnails"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    with figures_drawn.recorded(folder) as drawn, contextlib.redirect_stdout(io.StringIO()):
        figures = SOURCES[name](folder)
    printed = getattr(SOURCES[name], "printed", None)
    return {key: significant(value) for key, value in figures.items()}, drawn, printed


def significant(value, digits=5):
    """A plain float with so many digits, so that the kept file shows changes, not rounding."""
    return float(f"{float(value):.{digits}g}")


def load(path):
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def dump(path, kept):
    text = json.dumps(kept, indent=1, sort_keys=True)
    text = re.sub(r"\[\s+([^\[\]]*?)\s+\]", lambda m: f"[{' '.join(m[1].split())}]", text)
    path.write_text(text + "\n", encoding="utf-8")  # a list a line


def write(names):
    """Compute and draw all that is named; update the kept files and the pages."""
    kept, drawn = load(KEPT), load(DRAWN)
    for name in names:
        start = time.process_time()
        found, pictures, outputs = compute(name, IMAGES)
        kept.setdefault("computed", {})[name] = found
        kept.setdefault("isa", {})[name] = binding.default_isa()
        for picture, what in pictures.items():
            drawn[picture] = {"by": name, "sha256": figures_drawn.digest(IMAGES / picture), **what}
        if outputs is not None:
            text = json.dumps(load(PRINTED) | {name: outputs}, indent=1, sort_keys=True)
            PRINTED.write_text(text + "\n", encoding="utf-8")
        print(f"{name}: {len(found)} figures, {len(pictures)} pictures, {seconds(start)}")
        dump(KEPT, kept)
        dump(DRAWN, drawn)
    for page in figure_claims.rewrite(ROOT, figure_claims.flat(kept)):
        print(f"rewritten: {page}")


def seconds(start):
    return f"{time.process_time() - start:.0f} s of processor"


def check(names):
    """Compute all that is named again; what differs from the kept files, one line each."""
    all_kept, drawn = load(KEPT), load(DRAWN)
    kept = all_kept.get("computed", {})
    for name in names:
        start = time.process_time()
        room = room_for_rounding(all_kept.get("isa", {}).get(name))
        with tempfile.TemporaryDirectory() as folder:
            found, pictures, outputs = compute(name, Path(folder))
        yield from differences(name, kept.get(name, {}), found, room)
        for picture, what in pictures.items():
            known = drawn.get(picture, {}).get("drawn", {})
            for line in figures_drawn.differences(known, what["drawn"], room):
                yield f"{picture} (drawn by {name}): {line}"
        for step, text in enumerate(outputs or ()):
            if not figures_drawn.same_words(load(PRINTED).get(name, []), step, text):
                yield f"{name}: cell {step} of run no longer prints what printed.json has"
        print(f"{name}: computed again, {seconds(start)}", flush=True)


def room_for_rounding(isa):
    """Factor of all tolerances: training with another instruction set takes another path."""
    return 1.0 if isa == binding.default_isa() else 12.0


def differences(name, kept, found, room=1.0):
    """Lines for the keys whose values lie further apart than other machines' rounding explains."""
    for key in sorted({*kept, *found}):
        if key not in kept or key not in found:
            yield f"{name}.{key}: {'not kept' if key in found else 'no longer computed'}"
        elif not close(kept[key], found[key], tolerance(name), room):
            yield f"{name}.{key}: kept {kept[key]:g}, now {found[key]:g}"


#: Source -> (relative, absolute) tolerance on the same instruction set, where pcnet's results have
#: the same bits and only those of NumPy's BLAS may round in another way.
TOLERANCES = {
    "mutants": (0, 0),
    "trust_region": (1e-3, 0),
    "inference": (0.02, 0.01),
    "inference_methods": (0.05, 1e-3),
    "energy_passes": (0.1, 1e-5),
    "energy_decay": (0.2, 0),  # descent that creeps along kinks
    "log_loss": (0.02, 0),
    "sharpness": (0, 0.006),
    "learning_rates": (0, 0),
    "memory": (0, 0.021),  # one digit more or less
    "race_to_equilibrium": (0.1, 1e-6),
    "conditioning": (0.05, 1e-3),
    "hardware_cost": (0.02, 0),  # passes of error descent
    "equilibrated_energy": (0.1, 1e-3),
    "origin_saddle": (0.1, 0),
}


def tolerance(name):
    return TOLERANCES.get(name, (0.0, 0.003))


def close(kept, found, allowed, room):
    relative, absolute = allowed
    return math.isclose(kept, found, rel_tol=min(room * relative, 0.8), abs_tol=room * absolute)


def pages_problems():
    """What the pages say other than figures.json, and pictures that are not the kept ones."""
    yield from figure_claims.problems(ROOT, figure_claims.flat(load(KEPT)))
    for picture, entry in load(DRAWN).items():
        kept = entry["sha256"]  # None: to be drawn by the next --write
        if kept is not None and figures_drawn.digest(IMAGES / picture) != kept:
            yield f"docs/images/{picture} is not the one that {entry['by']} drew last"


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--write", action="store_true", help="rewrite figures, pictures and pages")
    what.add_argument("--check", action="store_true", help="compute again and compare")
    what.add_argument("--check-pages", action="store_true", help="compare pages and kept figures")
    parser.add_argument("names", nargs="*", help=f"default all: {', '.join(SOURCES)}, pages")
    given = parser.parse_args(arguments)
    known = [*SOURCES, "pages"]
    unknown = sorted(set(given.names) - set(known))
    if unknown:
        parser.error(f"there is no source {unknown[0]!r}; there are {', '.join(known)}")
    names = given.names or known
    computed = [name for name in names if name != "pages"]
    if given.write:
        write(computed)
        if "pages" in names:
            for page in page_outputs.rewrite(ROOT):
                print(f"printed anew: {page}")
        return
    problems = [*(check(computed) if given.check else ()), *pages_problems()]
    if problems:
        remedy = "Run `python docs/figures.py --write NAME` for what has changed."
        sys.exit("\n".join([*problems, remedy]))
    print("pages, pictures and figures agree")


if __name__ == "__main__":
    main()
