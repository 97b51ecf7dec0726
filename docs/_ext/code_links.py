"""Links inline code in the pages to what it names.

A page writes `PCClassifier`, `alpha` or `examples/depth.py` in backticks, which GitHub shows as
code; on the site it becomes a link. link_index.py finds where it leads.
"""

import api_pages
from docutils import nodes
from link_index import SUBJECTS, Index
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.nodes import make_refnode

BLOCKS = (nodes.row, nodes.list_item, nodes.paragraph, nodes.title)


def mark_arguments(app, doctree):
    """Give the parameters and attributes of classes a place that links can name."""
    if not app.env.docname.startswith(f"{api_pages.FOLDER}/"):
        return
    for description in doctree.findall(addnodes.desc):
        if description["objtype"] not in ("class", "exception") or not description[0]["ids"]:
            continue
        full, content = description[0]["ids"][0], description[-1]
        for fields in content.children:
            if not isinstance(fields, nodes.field_list):
                continue
            for term in fields.findall(nodes.term):
                name = next(iter(term.findall(nodes.strong)), None)
                for part in name.astext().split(", ") if name else ():
                    term["ids"].append(f"{full}.{part}")


def ancestor(node, kinds):
    """The nearest node of these kinds around a node, or None."""
    while node is not None and not isinstance(node, kinds):
        node = node.parent
    return node


class CodeLinks(SphinxPostTransform):
    default_priority = 5
    formats = ("html",)
    index = None

    def run(self, **kwargs):
        self.page = self.env.docname
        CodeLinks.index = self.index or Index()
        classes = {}  # names of classes, by the block and by the section that they stand in
        for literal in list(self.document.findall(nodes.literal)):
            block, section = ancestor(literal, BLOCKS), ancestor(literal, (nodes.section,))
            near = classes.get(block, [])
            if self.page in SUBJECTS:
                near = near + classes.get(section, [])
            find = self.index.find
            if self.page.startswith(f"{api_pages.FOLDER}/"):
                find = self.index.find_file  # names have roles there
            target = find(literal.astext(), self.page, near)
            if isinstance(target, tuple) and target[1].split(".")[-1] in self.index.classes:
                for place in (block, section):
                    classes.setdefault(place, []).insert(0, target[1].split(".")[-1])
            if target and not ancestor(literal, (nodes.reference, nodes.title)):
                self.link(literal, target)

    def link(self, literal, target):
        old = literal.deepcopy()
        if isinstance(target, str):
            new = nodes.reference("", "", old, internal=False, refuri=target)
        elif target == (self.page, ""):
            return
        elif target[0] in self.env.all_docs:
            new = make_refnode(self.app.builder, self.page, *target, old)
        else:
            logging.getLogger(__name__).warning(
                "`%s` should lead to %s, which is no page", old.astext(), target[0]
            )
            return
        literal.replace_self(new)


def setup(app):
    app.connect("doctree-read", mark_arguments)
    app.add_post_transform(CodeLinks)
    return {"parallel_read_safe": True}
