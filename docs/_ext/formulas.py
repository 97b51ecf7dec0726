"""Typesets the formulas of docstrings, such as ``mu_l = a_l f_l(z_{l-1}) W_l``, on the site.

Docstrings keep plain text, which `help()` shows. `to_latex` translates the notation that they use;
what it does not know in full, such as Python code, stays code.
"""

import re

GREEK = {
    **{name: rf"\{name}" for name in ("alpha", "beta", "gamma", "delta", "lambda", "mu", "pi")},
    **{name: rf"\{name}" for name in ("rho", "tau", "theta")},
    "eps": r"\varepsilon",
}
FUNCTIONS = {"log": r"\log", "exp": r"\exp", "sum": r"\sum", "max": r"\max", "min": r"\min"}
WORDS = {"loss", "decay", "rate", "mean", "link", "diag", "var", "output_precision"}
WORDS |= {"activity_decay", "onehot", "shift", "tol", "AL"}
OPERATORS = {
    "<-": r"\leftarrow",
    "<=": r"\le",
    ">=": r"\ge",
    "..": r"\ldots",
    "*": r"\cdot",
    "~": r"\propto",
    **{sign: sign for sign in "+-=/<>(),[]'"},
}
TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<half>\b1/2\b)|(?P<number>\d+(?:\.\d+)?)|(?P<indexed>[A-Za-z]\d\b)"
    r"|(?P<root>sqrt\()|(?P<differential>d(?![a-z]{2}|_|[),]))"
    r"|(?P<word>output_precision|activity_decay|[A-Za-z]+)"
    r"|(?P<subscript>_(?:\{[^{}]*\}|\w+))"
    r"|(?P<power>\^(?:\{[^{}]*\}|\([^()]*\)|-?[A-Za-z0-9]+|\*))"
    r"|(?P<norm>\|\|)|(?P<bar>\|)|(?P<operator><-|<=|>=|\.\.|[-+=*/~<>(),\[\]'])"
)
#: What only a formula has: a subscript of layers or units, a power, a norm, an assignment.
SIGN = re.compile(r"_(?:\{|[lLH01]\b|lk\b|beta\b)|\^|\|\||<-|\bd[FLW]/d|sum_")
#: Formulas that docstrings have outside of code: W_1..W_L, mu_L, z_{l-1}, ||v|| <= tol ||u||.
_LAYER = r"(?:[A-Za-z]|mu|tau|eps|delta)_(?:\{[^{}\s]+\}|[lLH1])"
_NORM = r"\|\|[^|\n]+\|\|(?:\^2)?"
PROSE = re.compile(
    rf"(?<![\w.`])(?:{_LAYER}(?:\^T|\^2)?(?:\.\.{_LAYER})?(?!\w)"
    rf"|{_NORM}(?: (?:<=|/|=) (?:tol )?{_NORM})*)"
)
CODE = re.compile(r"[\"`:@\\]|\w\(\)|(?<!\.)\.\w|^[a-z]{4,}_\d$")


def to_latex(text):
    """LaTeX of a formula in plain text, or None for anything else."""
    if not SIGN.search(text) or CODE.search(text):
        return None
    d = r"\partial" if re.search(r"/ ?d", text) else r"\mathrm{d}"
    parts, place, opened = [], 0, {"norm": 0, "bar": 0}
    while place < len(text):
        match = TOKEN.match(text, place)
        if not match:
            return None
        kind, token, place = match.lastgroup, match[0], match.end()
        if kind in opened:
            side, sign = "rl"[opened[kind] % 2 == 0], "Vert" if kind == "norm" else "vert"
            parts.append(rf"\{side}{sign}")
            opened[kind] += 1
        elif kind == "differential":
            parts.append(d)
        elif token == "*" and _is_star(text, match):
            parts.append("^*")
        elif (part := _translate(kind, token)) is None:
            return None
        else:
            parts.append(part)
    if any(count % 2 for count in opened.values()):
        return None
    return " ".join(filter(None, parts))


def _is_star(text, match):
    """Whether a star marks an optimum, as in F*, and is no product."""
    before, after = text[: match.start()], text[match.end() :]
    return before[-1:].isalnum() and not after[:1].isalnum()


def _translate(kind, token):
    if kind == "word":
        return _word(token)
    if kind in ("subscript", "power"):
        inner = r"\top" if token in ("^T", "^{T}") else _inner(token[1:])
        return inner and f"{token[0]}{{{inner}}}"
    if kind == "indexed":
        return f"{token[0]}_{token[1]}"
    fixed = {"space": "", "half": r"\tfrac12", "number": token, "root": r"\operatorname{sqrt}("}
    return fixed[kind] if kind in fixed else OPERATORS[token]


def _word(token):
    if token in WORDS:
        return rf"\operatorname{{{token}}}".replace("_", r"\_")
    known = {**GREEK, **FUNCTIONS}
    return known.get(token, token if len(token) == 1 else None)


def _inner(text):
    """What a subscript or a power holds."""
    text = text.strip("{}")
    if text[:1] == "(" and text[-1:] == ")":
        text = text[1:-1]
    if text in GREEK:
        return GREEK[text]
    if re.fullmatch(r"[\w+\-, ]+|\*", text) and not re.search(r"[A-Za-z]{3}", text):
        return text
    return None


def setup(app):
    from docutils import nodes
    from sphinx.transforms import SphinxTransform

    class Formulas(SphinxTransform):
        default_priority = 800  # before the domains look for mathematics

        def apply(self, **kwargs):
            if not self.env.docname.startswith("api/"):
                return
            for literal in list(self.document.findall(nodes.literal)):
                plain = not literal.get("classes") and isinstance(literal.parent, nodes.TextElement)
                latex = to_latex(literal.astext()) if plain else None
                if latex:
                    literal.replace_self(nodes.math(latex, latex))
            for paragraph in self.document.findall(nodes.paragraph):
                for text in [n for n in paragraph.children if isinstance(n, nodes.Text)]:
                    if PROSE.search(text):
                        paragraph.replace(text, list(self.typeset(str(text))))

        def typeset(self, text):
            """Nodes of a text with mathematics where it has formulas."""
            end = 0
            for match in PROSE.finditer(text):
                latex = to_latex(match[0])
                if latex:
                    yield nodes.Text(text[end : match.start()])
                    yield nodes.math(latex, latex)
                    end = match.end()
            yield nodes.Text(text[end:])

    app.add_transform(Formulas)
    return {"parallel_read_safe": True}
