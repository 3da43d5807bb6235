"""The field's words: what a reader meets says modality, visible, infrared, query, gallery."""

import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# replaced word -> what to say in its place
REPLACED = {
    r"\blights?\b": "modality",
    r"\bheaps?\b": "histogram, peak, distribution",
    r"\bhills?\b": "histogram",
    r"\blikeness(es)?\b": "similarity",
    r"\bpaint(s|ed|ing|ings)?\b": "pseudo-colour",
    r"\b(infrared|visible) questions?\b": "query",
}
# where the word means light, or is the name of a setting
MEANT = re.compile(
    r"(visible|infrared)\s+light|\"light\"|`light`|which lights the street"
    r"|light (preset|settings|opponent|regions|variant|CPU)"
)
# light falls on cloth in the drawn world and in an augmentation: physics, not a modality
PHYSICS = ("vireid/data/synthvi", "vireid/methods/mult/pictures.py")
PAGES = [*ROOT.glob("notebooks/[0-9]*.py"), *ROOT.glob("docs/*.md"), *ROOT.glob("README*.md")]
LIBRARY = [
    path
    for path in ROOT.glob("vireid/**/*.py")
    if not path.relative_to(ROOT).as_posix().startswith(PHYSICS)
]


def found(text: str) -> list[str]:
    """Replaced words in a text, each with what to say."""
    rest = MEANT.sub(" ", text.replace("\n#", ""))
    return [
        f"{hit.group()!r} (say {instead}): ...{rest[max(hit.start() - 40, 0) : hit.end() + 20]}"
        for word, instead in REPLACED.items()
        for hit in re.finditer(word, rest, re.I)
    ]


def told(path: Path) -> str:
    """Docstrings, comments and texts of a module, as they are written."""
    kinds = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", None)}
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline)
    return "\n".join(t.string for t in tokens if t.type in kinds)


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name)
def test_pages_use_the_words_of_the_field(path):
    assert found(path.read_text("utf-8")) == []


@pytest.mark.parametrize("path", LIBRARY, ids=lambda p: p.stem)
def test_docstrings_and_texts_use_the_words_of_the_field(path):
    assert found(told(path).replace("'light'", '"light"')) == []


def test_the_check_finds_a_replaced_word_and_lets_physics_pass():
    assert found("an own-light neighbour") and found("two Heaps") and found("infrared questions")
    assert not found('visible light, and preset "light"') and not found("highlighted, lightly")
