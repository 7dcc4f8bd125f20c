"""What the transformers learn from: digits, whole or as patches, and the text of
Python's own language reference.

The text is `pydoc_data.topics` of the standard library, what `help("for")` prints
(under the PSF licence): 465,000 characters in Python 3.11.  Its last twentieth is for
testing.  Characters are numbered in the order of their code points.
"""

import importlib

import numpy as np

from training.data import Digits

CONTEXT = 64
TEST_SHARE = 0.05
TEST_WINDOWS = 128
CALIBRATION_WINDOWS = 64
WINDOW_SEED = 20243


class Patches(Digits):
    """Single digits as 16 patches of 2 by 2 pixels, row by row: the input "patches"."""

    def __init__(self, max_shift):
        super().__init__(side=8, shape=(8, 8), max_shift=max_shift)

    def cut(self, inputs):
        images = inputs["image"].reshape(-1, 4, 2, 4, 2)
        return {"patches": images.transpose(0, 1, 3, 2, 4).reshape(-1, 16, 4)}

    def batch(self, rng, indices):
        inputs, labels = super().batch(rng, indices)
        return self.cut(inputs), labels

    def calibration(self):
        return self.cut(super().calibration())

    def test(self):
        inputs, labels = super().test()
        return self.cut(inputs), labels


class Text:
    """Windows of text: the input "ids", and for each character the next as label."""

    def __init__(self):
        topics = importlib.import_module("pydoc_data.topics").topics
        text = "\n".join(topics[name].strip("\n") for name in sorted(topics))
        self.characters = sorted(set(text))
        numbers = {character: index for index, character in enumerate(self.characters)}
        ids = np.array([numbers[character] for character in text], np.int64)
        border = int(len(ids) * (1 - TEST_SHARE))
        self.training, self.testing = ids[:border], ids[border:]

    def tokenizer(self):
        """What `tokenizer.json` says: each character is an id."""
        vocabulary = {character: index for index, character in enumerate(self.characters)}
        steps = {step: None for step in ("normalizer", "pre_tokenizer", "post_processor")}
        model = {"type": "BPE", "vocab": vocabulary, "merges": []}
        decoder = {"type": "Fuse"}
        return {"version": "1.0", "added_tokens": [], **steps, "decoder": decoder, "model": model}

    def train_count(self):
        """How many windows do not overlap."""
        return len(self.training) // CONTEXT

    def windows(self, ids, starts):
        both = ids[starts[:, None] + np.arange(CONTEXT + 1)]
        return {"ids": both[:, :-1]}, both[:, 1:]

    def batch(self, rng, indices):
        """As many windows as indices, anywhere in the text."""
        starts = rng.integers(0, len(self.training) - CONTEXT, size=len(indices))
        return self.windows(self.training, starts)

    def calibration(self):
        rng = np.random.default_rng(WINDOW_SEED)
        last = len(self.training) - CONTEXT
        return self.windows(self.training, rng.integers(0, last, CALIBRATION_WINDOWS))[0]

    def test(self):
        """Windows one behind the other, spread over the text for testing."""
        count = (len(self.testing) - 1) // CONTEXT
        chosen = np.linspace(0, count - 1, TEST_WINDOWS).astype(int)
        return self.windows(self.testing, chosen * CONTEXT)
