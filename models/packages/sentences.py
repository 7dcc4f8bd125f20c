"""Sentences that Python ships, and BERT's way of cutting them into tokens."""

import importlib
import re
import unicodedata


def sentences():
    """Sentences of Python's language reference: of paragraphs, without code and lists."""
    topics = importlib.import_module("pydoc_data.topics").topics
    for name in sorted(topics):
        for paragraph in topics[name].split("\n\n"):
            if not re.match(r"[A-Z]", paragraph) or re.search(r"\n\s|::=|[*=~-]{3}", paragraph):
                continue
            text = " ".join(paragraph.split())
            for sentence in re.split(r"(?<=[.:?!]) (?=[A-Z])", text):
                if sentence.endswith((".", "?", "!")):
                    yield sentence


def is_punctuation(character):
    """What BERT splits at: ASCII's signs, and Unicode's."""
    signs = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
    return character in signs or unicodedata.category(character).startswith("P")


class Vocabulary:
    """WordPiece: the longest pieces first, those within a word marked by ##."""

    def __init__(self, words):
        self.numbers = {word: index for index, word in enumerate(words) if word}
        self.padding = self.numbers["[PAD]"]

    def words(self, text):
        """Lower case without accents, split at spaces and punctuation."""
        text = unicodedata.normalize("NFD", text.lower())
        text = "".join(c for c in text if unicodedata.category(c) != "Mn")
        spaced = "".join(f" {c} " if is_punctuation(c) else c for c in text)
        return spaced.split()

    def pieces(self, word):
        pieces, start = [], 0
        while start < len(word):
            mark = "##" if start else ""
            ends = range(len(word), start, -1)
            end = next((e for e in ends if mark + word[start:e] in self.numbers), None)
            if end is None:
                return ["[UNK]"]
            pieces.append(mark + word[start:end])
            start = end
        return pieces

    def ids(self, text):
        pieces = [piece for word in self.words(text) for piece in self.pieces(word)]
        return [self.numbers[piece] for piece in ["[CLS]", *pieces, "[SEP]"]]

    def fitted(self, ids, length):
        """So many ids: cut off before the separator, or padded."""
        ids = ids if len(ids) <= length else [*ids[: length - 1], self.numbers["[SEP]"]]
        return [*ids, *[self.padding] * (length - len(ids))]
