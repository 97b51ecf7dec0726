"""Typesets the formulas of docstrings, such as ``mu_l = a_l f_l(z_{l-1}) W_l``, on the site.

Docstrings keep plain text, which `help()` shows. `to_latex` translates the notation that they use;
what it does not know in full, such as Python code, stays code.
"""

import re

GREEK = {
    **{name: rf"\{name}" for name in ("alpha", "beta", "gamma", "delta", "eta", "lambda", "mu")},
    **{name: rf"\{name}" for name in ("phi", "pi", "rho", "tau", "theta")},
    **{name: rf"\{name}" for name in ("xi", "Lambda", "Sigma")},
    "eps": r"\varepsilon",
    "epsilon": r"\epsilon",
}
FUNCTIONS = {name: rf"\{name}" for name in ("cos", "sin", "exp", "log", "max", "min", "sum", "det")}
WORDS = {"loss", "decay", "rate", "mean", "link", "diag", "var", "output_precision"}
WORDS |= {"activity_decay", "onehot", "shift", "tol", "AL", "softmax", "logistic"}
WORDS |= {"precision", "prior", "momentum", "sharpness", "class", "energy", "clip"}
WORDS |= {"step_size", "learning_rate"}
OPERATORS = {
    "<-": r"\leftarrow",
    "->": r"\to",
    "<=": r"\le",
    ">=": r"\ge",
    "-=": r"\mathrel{-}=",
    "..": r"\ldots",
    "*": r"\cdot",
    "~": r"\propto",
    **{sign: sign for sign in "+-=/<>(),[]'"},
}
TRANSPOSES = {"^T": r"\top", "^{T}": r"\top", "^-T": r"-\top"}
TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<hat>[a-z](?:\^(?=[\s),])|_hat\b))|(?P<half>\b1/2\b)|(?P<number>\d+(?:\.\d+)?)|(?P<indexed>[A-Za-z]\d\b)"
    r"|(?P<root>sqrt\()|(?P<differential>d(?=eps\b|[^a-z_),]|[a-z](?![a-z])))"
    r"|(?P<word>output_precision|activity_decay|step_size|learning_rate|[A-Za-z]+)"
    r"|(?P<subscript>_(?:\{[^{}]*\}|\w+))"
    r"|(?P<power>\^(?:\{[^{}]*\}|\([^()]*\)|-?(?:\d+|[A-Za-z]+)|\*))"
    r"|(?P<norm>\|\|)|(?P<bar>\|)|(?P<operator><-|->|<=|>=|-=|\.\.|[-+=*/~<>(),\[\]'])"
)
#: What only a formula has: a subscript of layers or units, a power, a norm, an assignment.
SIGN = re.compile(r"_(?:\{|[lkLH01]\b|lk\b|beta\b|yy\b|ij\b)|\^|\|\||<-|\bd[FLW]/d|sum_|\bsqrt\(")
_SYMBOL = r"(?:lambda|eps|mu|eta|beta|gamma|pi|phi|rho|tau|theta|delta|[A-Za-z])"
_SUFFIX = (
    r"(?:_(?:\{[^{}\s]+\}|(?:[lLHkKiz\d]|WW|Wz|zz|zW)(?![\w*]))"
    r"|\^(?:\{[^{}\s]+\}|-?\w|\*)|\*(?![A-Za-z\d]))"
)
_INSIDE = r"(?:[^()]|\((?:[^()]|\([^()]*\))*\))*"
_CALL = rf"\({_INSIDE}\)"
_GREEK = r"(?<!\ba )(?:lambda|eps|mu|eta|beta|gamma|pi)(?![\w=]|\.\w)"
#: What is a formula wherever it stands in a text: W_l, S^-1, F*, dF/dz_l, ||v||, lambda.
_STRONG = (
    rf"(?:d(?:\^2)? ?[FLJ]\*? ?/ ?d{_SYMBOL}{_SUFFIX}*|d?{_SYMBOL}'*{_SUFFIX}+(?:{_CALL})?|{_GREEK}"
    rf"|(?:[FfNO]|phi)'*\*?{_CALL}|sqrt{_CALL}|[a-z]\^(?=[\s),])|\|\|[^|\n]+\|\|(?:\^2)?)"
)
#: What belongs to the formula beside it: numbers, single letters but for "a", functions.
_WEAK = (
    r"(?:\d+(?:\.\d+)?|[B-Zb-hj-z]|sum_[lk]|log|decay(?= (?:I|z_l)\b|/2)|activity_decay"
    r"|(?:cos|exp|log|diag|mean|softmax|logistic)?"
    rf"\((?!(?!lambda|delta|alpha|beta|theta)[a-z_]{{4,}}){_INSIDE}\)(?:_[lk]|\^-?\w)?)"
)
_TERM = rf"(?:{_STRONG}|{_WEAK}(?![\w']))"
_BETWEEN = r"(?: (?:[-+/=*]|<=|>=|<-|->) (?:tol )?| ?\.\. ?|/| )"
#: Formulas that docstrings have outside of code.
PROSE = re.compile(
    rf"(?<![\w.`'-])(?:- )?{_TERM}(?:{_BETWEEN}(?:{_TERM}|A(?![\w'])))*(?![\w(]|\.\w)"
)
STRONG = re.compile(rf"(?<![\w.`'-]){_STRONG}(?![\w(]|\.\w)")
CODE = re.compile(r"[\"`:@\\]|\w\(\)|(?<!\.)\.[A-Za-z_]|^[a-z]{4,}_\d$")


def to_latex(text):
    """LaTeX of a formula in plain text, or None for anything else."""
    return _latex(text) if SIGN.search(text) else None


def _latex(text):
    if CODE.search(text):
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
        elif kind == "root":
            inner, place = _argument(text, place)
            if not inner:
                return None
            parts.append(rf"\sqrt{{{inner}}}")
        elif token == "*" and _is_star(text, match):
            parts.append("^*")
        elif (part := _translate(kind, token)) is None:
            return None
        else:
            parts.append(part)
    if any(count % 2 for count in opened.values()):
        return None
    return " ".join(filter(None, parts))


def _argument(text, start):
    """LaTeX of what stands up to the parenthesis that closes, and the place behind it."""
    depth = 1
    for place in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return _latex(text[start:place]), place + 1
    return None, start


def split(text):
    """The parts of a text and whether each is a formula, then in LaTeX."""
    end = 0
    for run in PROSE.finditer(text):
        if not STRONG.search(run[0]):
            continue
        whole = _latex(run[0])
        found = [(run.span(), whole)] if whole else []
        if not found:  # not all of it is a formula: take the parts that are
            found = [(m.span(), _latex(m[0])) for m in STRONG.finditer(text, *run.span())]
        for (start, stop), latex in found:
            if latex:
                if text[end:start]:
                    yield text[end:start], False
                yield latex, True
                end = stop
    if text[end:] or not end:
        yield text[end:], False


def _is_star(text, match):
    """Whether a star marks an optimum, as in F*, and is no product."""
    before, after = text[: match.start()], text[match.end() :]
    return before[-1:].isalnum() and not after[:1].isalnum()


def _translate(kind, token):
    if kind == "word":
        return _word(token)
    if kind in ("subscript", "power"):
        inner = TRANSPOSES.get(token) or _inner(token[1:])
        return inner and f"{token[0]}{{{inner}}}"
    if kind == "indexed":
        return f"{token[0]}_{token[1]}"
    if kind == "hat":
        return rf"\hat{{{token[0]}}}"
    fixed = {"space": "", "half": r"\tfrac12", "number": token}
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
    if re.fullmatch(r"[\w+\-,=< ]+|\*", text) and not re.search(r"[A-Za-z]{3}", text):
        return text.replace("<=", r"\le ")
    return None


def setup(app):
    from docutils import nodes
    from sphinx.transforms import SphinxTransform

    PLACES = (nodes.paragraph, nodes.term, nodes.classifier)  # prose, types with their shapes

    def is_signature(place):
        """Whether a paragraph is a name with its arguments, in a table of names."""
        entry, table = place.parent, place
        while table is not None and not isinstance(table, nodes.table):
            table = table.parent
        in_first_column = isinstance(entry, nodes.entry) and entry.parent[0] is entry
        return in_first_column and table is not None and "autosummary" in table["classes"]

    class Formulas(SphinxTransform):
        default_priority = (
            740  # before quotes become typographic, and before domains look for formulas
        )

        def apply(self, **kwargs):
            if not self.env.docname.startswith(("api/", "gallery/")):
                return
            for literal in list(self.document.findall(nodes.literal)):
                plain = not literal.get("classes") and isinstance(literal.parent, nodes.TextElement)
                latex = to_latex(literal.astext()) if plain else None
                if latex:
                    literal.replace_self(nodes.math(latex, latex))
            for place in self.document.findall(lambda n: isinstance(n, PLACES)):
                if is_signature(place):
                    continue
                for text in [n for n in place.children if isinstance(n, nodes.Text)]:
                    parts = [
                        nodes.math(part, part) if is_formula else nodes.Text(part)
                        for part, is_formula in split(str(text))
                    ]
                    if len(parts) > 1 or not isinstance(parts[0], nodes.Text):
                        place.replace(text, parts)

    app.add_transform(Formulas)
    return {"parallel_read_safe": True}
