"""The pages' sentences are short, and figures of speech that this project had are not back."""

import re
from pathlib import Path

from ..helpers import all_points

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
RULE = 25  # words, for nine sentences of ten
LIMIT = 45  # words, for all

#: What was written -> what to write
WORDS = {
    r"tells? of": "describes, shows",
    r"whoever": "anyone who; or name who",
    r"dearest": "slowest, most expensive",
    r"nobody's": "padding, unused",
    r"by (its|the) (word|letter)": "literally",
    r"hears? of": "changes with",
    r"honest sign": "evidence",
    r"no more, no less": "",
    r"at a blow": "at once",
}


def sentences(text):
    """Number of words and text of each sentence of the paragraphs and lists."""
    text = re.sub(r"^```.*?^```$|\$\$.*?\$\$", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"^(\||#|!\[|:::).*$", "", text, flags=re.MULTILINE)
    for paragraph in re.split(r"\n\s*\n|\n\s*(?=[-*] |\d+\. )", text):
        plain = re.sub(r"`[^`]*`|\$[^$]*\$", "X", " ".join(paragraph.split()))
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", plain)
        for sentence in re.split(r"(?<=[.!?:;])\)?[\"*]* +", plain):
            yield len(re.findall(r"[A-Za-z][\w'-]*", sentence)), sentence


@all_points("page", PAGES)
def test_sentences_are_short(page):
    found = list(sentences(page.read_text(encoding="utf-8")))
    assert [sentence for words, sentence in found if words > LIMIT] == []
    long = [sentence for words, sentence in found if words > RULE]
    assert len(long) <= max(2, len(found) / 10), long


def test_plain_words():
    files = [*PAGES, *(ROOT / "pcnet").rglob("*.py"), *(ROOT / "examples").glob("*.py")]
    files += [ROOT / name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")]
    found = []
    for path in files:
        text = path.read_text(encoding="utf-8")
        for pattern, better in WORDS.items():
            for match in re.finditer(rf"\b{pattern.replace(' ', chr(92) + 's+')}\b", text, re.I):
                line = text.count("\n", 0, match.start()) + 1
                found.append(f"{path.relative_to(ROOT)}:{line}: {match[0]!r}; better: {better}")
    assert found == []


def test_long_sentences_and_their_words_are_counted():
    text = (
        "One two `code of words` three. Four ([five](six.md)).\n\n| table |\n\n```\ncode. x\n```\n"
    )
    assert [words for words, _ in sentences(text) if words] == [4, 2]
