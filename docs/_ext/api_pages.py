"""Writes the pages of the API reference, from what the modules say is public.

One page a module with a table for each kind of name, one page a class or function. A name that a
package also exports higher up has its page there: `pcnet.infer`, not `pcnet.inference.infer`.
"""

import dataclasses
import importlib
import inspect
from pathlib import Path
from textwrap import dedent

import pcnet

FOLDER = "api"
KINDS = ("Classes", "Functions", "Exceptions", "Values")


def public_modules():
    """pcnet and the modules that it exports, in this order."""
    names = [name for name in pcnet.__all__ if inspect.ismodule(getattr(pcnet, name))]
    return ["pcnet", *(f"pcnet.{name}" for name in sorted(names))]


def public_names(module):
    """Names that a module exports, without modules."""
    own = getattr(module, "__all__", None)
    if own is None:
        own = [
            name
            for name, value in vars(module).items()
            if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
        ]
    return [name for name in own if not inspect.ismodule(getattr(module, name))]


def kind_of(value):
    if inspect.isclass(value):
        return "Exceptions" if issubclass(value, BaseException) else "Classes"
    return "Functions" if callable(value) else "Values"


def inventory():
    """{module: {kind: names}}, every object once."""
    seen, result = set(), {}
    for module_name in public_modules():
        module = importlib.import_module(module_name)
        kinds = {kind: [] for kind in KINDS}
        for name in sorted(public_names(module)):
            value = getattr(module, name)
            kind = kind_of(value)
            if kind != "Values":
                if id(value) in seen:
                    continue
                seen.add(id(value))
            kinds[kind].append(name)
        result[module_name] = kinds
    return result


def heading(text, line="="):
    return [text, line * len(text), ""]


def module_page(module_name, kinds):
    lines = [*heading(module_name), f".. automodule:: {module_name}", "   :no-members:", ""]
    lines += [f".. currentmodule:: {module_name}", ""]
    pages = []
    for kind, names in kinds.items():
        if names:
            lines += heading(kind, "-")
        if names and kind != "Values":
            lines += [".. autosummary::", "", *(f"   {name}" for name in names), ""]
            pages += [f"{module_name}.{name}" for name in names]
        elif names:
            lines += [line for name in names for line in (f".. autodata:: {name}", "")]
    return "\n".join([*lines, ".. toctree::", "   :hidden:", "", *(f"   {p}" for p in pages), ""])


def name_page(module_name, name, kind):
    value = getattr(importlib.import_module(module_name), name)
    directive = {
        "Classes": "autoclass",
        "Exceptions": "autoexception",
        "Functions": "autofunction",
    }[kind]
    lines = [*heading(name), f".. currentmodule:: {module_name}", ""]
    lines.append(f".. {directive}:: {name}")
    if kind == "Classes":
        lines += ["   :members:", *_inherited(value)]
    return "\n".join([*lines, ""])


def _inherited(value):
    is_record = issubclass(value, (tuple, int)) or dataclasses.is_dataclass(value)
    return [] if is_record and not hasattr(value, "get_params") else ["   :inherited-members:"]


def index_page(modules):
    lines = heading("API reference")
    lines += [
        dedent("""\
        Every public name. What begins with an underscore, and what is not listed here, may change
        without notice.
        """)
    ]
    for name in modules:
        summary = inspect.getdoc(importlib.import_module(name)).splitlines()[0]
        lines.append(f"- :py:mod:`{name}`: {summary}")
    lines += ["", ".. toctree::", "   :hidden:", "", *(f"   {name}" for name in modules), ""]
    return "\n".join(lines)


def write_pages(app):
    folder = Path(app.srcdir) / FOLDER
    folder.mkdir(exist_ok=True)
    pages = {"index": index_page(found := inventory())}
    for module_name, kinds in found.items():
        pages[module_name] = module_page(module_name, kinds)
        for kind, names in kinds.items():
            for name in names if kind != "Values" else ():
                pages[f"{module_name}.{name}"] = name_page(module_name, name, kind)
    for stale in set(folder.glob("*.rst")) - {folder / f"{page}.rst" for page in pages}:
        stale.unlink()
    for page, text in pages.items():
        path = folder / f"{page}.rst"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def setup(app):
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True}
