"""Writes the pages of the API reference, from what the modules say is public.

One page a module with a table for each kind of name, one page a class or function. A name that a
package also exports higher up has its page there: `pcnet.infer`, not `pcnet.inference.infer`.
"""

import dataclasses
import enum
import importlib
import inspect
import re
import sys
from pathlib import Path
from textwrap import dedent, indent

import pcnet

FOLDER = "api"
KINDS = ("Classes", "Functions", "Exceptions", "Values")
FOREIGN = "list, LinearOperator"  # base classes that others document
LONGEST_VALUE = 60


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
            lines += [line for name in names for line in value_entry(module_name, name)]
    return "\n".join([*lines, ".. toctree::", "   :hidden:", "", *(f"   {p}" for p in pages), ""])


def value_entry(module_name, name):
    """A value with the comment above it, wherever in the module's package it is defined."""
    shown = repr(getattr(importlib.import_module(module_name), name))
    yield f".. py:data:: {name}"
    if len(shown) <= LONGEST_VALUE:
        yield f"   :value: {shown}"
    yield from ["", indent("\n".join(comment_of(module_name, name)), "   "), ""]


def comment_of(module_name, name):
    """Lines of the `#:` comment above an assignment."""
    from sphinx.errors import PycodeError
    from sphinx.pycode import ModuleAnalyzer

    for module in sorted(m for m in sys.modules if f"{m}.".startswith(f"{module_name}.")):
        try:
            comments = ModuleAnalyzer.for_module(module).find_attr_docs()
        except PycodeError:  # compiled
            continue
        if ("", name) in comments:
            return comments["", name]
    raise ValueError(f"{module_name}.{name} has no `#:` comment")


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
    if directive == "autoclass" and issubclass(value, enum.Enum):
        for member in value:
            lines += [
                "",
                f"   .. py:attribute:: {member.name}",
                f"      :value: {member.value}",
                "",
            ]
            lines += [f"      {member.text.capitalize()}."]
    return "\n".join([*lines, ""])


def _inherited(value):
    is_record = issubclass(value, (tuple, int)) or dataclasses.is_dataclass(value)
    if is_record and not hasattr(value, "get_params"):
        return []
    return [f"   :inherited-members: {FOREIGN}"]


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


def skip_fields(app, what, name, value, skip, options):
    """Leave out the fields of named tuples: "Alias for field number 0"."""
    return True if type(value).__name__ == "_tuplegetter" else None


def plain_signature(app, what, name, value, options, signature, returns):
    """Types by their names, and the arguments of `__init__` where a base class has a `__new__`."""
    if what == "class" and signature == "(*args, **kwargs)":
        found = inspect.signature(value.__init__)
        arguments = [p.replace(annotation=p.empty) for p in list(found.parameters.values())[1:]]
        signature = str(inspect.Signature(arguments))
    return re.sub(r"<class '(?:\w+\.)*(\w+)'>", r"\1", signature or "") or None, returns


def setup(app):
    app.connect("builder-inited", write_pages)
    app.connect("autodoc-process-signature", plain_signature)
    app.connect("autodoc-skip-member", skip_fields)
    return {"parallel_read_safe": True}
