"""Digits to learn from: plain ones, coloured ones, and pairs of digits.

All of them are made from the 8x8 handwritten digits that come with scikit-learn
(load_digits), the test part of "Optical Recognition of Handwritten Digits" of the
UCI repository.  One fixed split of these digits serves every network: whatever is
made from a digit for testing is never seen, in any form, in training.  All pixels
are multiples of 1/255, in training and in the stored files alike.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

CLASS_COUNT = 10
TEST_COUNT = 360
CALIBRATION_COUNT = 128
SPLIT_SEED = 20240

COLOURED_SIDE = 32
COLOURED_TEST_COUNT = 300
COLOURED_CALIBRATION_COUNT = 64
COLOURED_SEED = 20241
PAIR_CALIBRATION_COUNT = 100
PAIR_SEED = 20242


class Dataset(Protocol):
    """Where a network's samples come from; inputs are dictionaries by name."""

    def train_count(self) -> int:
        """Number of training samples."""

    def batch(self, rng, indices) -> tuple[dict, np.ndarray]:
        """Inputs and labels of these training samples, varied at random."""

    def calibration(self) -> dict:
        """Inputs made of training digits, for choosing scales."""

    def test(self) -> tuple[dict, np.ndarray]:
        """Inputs and labels made of test digits."""


def to_bytes(images):
    """Float32 images whose pixels are rounded to multiples of 1/255."""
    return np.round(images * 255).astype(np.float32) / np.float32(255)


def bilinear_matrix(source, target):
    """Matrix [target, source] of 1-D linear interpolation (half-pixel centres)."""
    position = (np.arange(target) + 0.5) * source / target - 0.5
    position = np.clip(position, 0, source - 1)
    low = np.minimum(np.floor(position).astype(int), source - 2)
    fraction = position - low
    matrix = np.zeros((target, source))
    matrix[np.arange(target), low] = 1 - fraction
    matrix[np.arange(target), low + 1] = fraction
    return matrix


def load_images(side):
    """All digits as float32 [N, side, side] in [0, 1], with their labels.

    The split depends only on the labels, so it is the same for every side.
    Returns (training images, training labels, test images, test labels).
    """
    digits = load_digits()
    images = digits.images / 16.0
    if side != 8:
        matrix = bilinear_matrix(8, side)
        images = matrix @ images @ matrix.T
    images = to_bytes(images)
    labels = digits.target.astype(np.int64)
    train_index, test_index = train_test_split(
        np.arange(len(labels)),
        test_size=TEST_COUNT,
        stratify=labels,
        random_state=SPLIT_SEED,
    )
    return (
        images[train_index],
        labels[train_index],
        images[test_index],
        labels[test_index],
    )


def shift_randomly(rng, images, max_shift):
    """Move each image by up to max_shift pixels each way, filling with zeros."""
    if max_shift == 0:
        return images
    count, height, width = images.shape
    padded = np.pad(images, ((0, 0), (max_shift, max_shift), (max_shift, max_shift)))
    top, left = rng.integers(0, 2 * max_shift + 1, size=(2, count, 1))
    rows = (top + np.arange(height))[:, :, None]
    columns = (left + np.arange(width))[:, None, :]
    return padded[np.arange(count)[:, None, None], rows, columns]


class Digits:
    """Single digits as grey images: the input "image" and the digit as label."""

    def __init__(self, side, shape, max_shift):
        self.shape = shape  # of one sample
        self.max_shift = max_shift  # random shifts by up to so many pixels
        split = load_images(side)
        self.train_images, self.train_labels, self.test_images, self.test_labels = split

    def train_count(self):
        return len(self.train_images)

    def batch(self, rng, indices):
        images = shift_randomly(rng, self.train_images[indices], self.max_shift)
        return {"image": images.reshape(-1, *self.shape)}, self.train_labels[indices]

    def calibration(self):
        """A stratified choice of CALIBRATION_COUNT images."""
        chosen, _ = train_test_split(
            self.train_images,
            train_size=CALIBRATION_COUNT,
            stratify=self.train_labels,
            random_state=SPLIT_SEED,
        )
        return {"image": chosen.reshape(-1, *self.shape)}

    def test(self):
        return {"image": self.test_images.reshape(-1, *self.shape)}, self.test_labels


# --------------------------------------------------------------------------
# Coloured digits
# --------------------------------------------------------------------------


def place_digits(rng, images):
    """Enlarge each 8x8 digit by 2 to 3 and put it somewhere on a 32x32 canvas.

    Returns the ink, 0 to 1, as [N, 32, 32].
    """
    ink = np.zeros((len(images), COLOURED_SIDE, COLOURED_SIDE))
    for canvas, image in zip(ink, images):
        side = rng.integers(16, 25)
        matrix = bilinear_matrix(8, side)
        top, left = rng.integers(0, COLOURED_SIDE - side + 1, size=2)
        canvas[top : top + side, left : left + side] = matrix @ image @ matrix.T
    return ink


def random_colours(rng, count):
    """Ink and two background colours [count, 3] each, the ink unlike the others."""
    ink, start, end = np.zeros((3, count, 3))
    todo = np.arange(count)
    while len(todo):
        ink[todo], start[todo], end[todo] = rng.random((3, len(todo), 3))
        # A flat background half of the time.
        flat = todo[rng.random(len(todo)) < 0.5]
        end[flat] = start[flat]
        middle = (start + end) / 2
        others = np.stack([start, middle, end])
        contrast = np.linalg.norm(ink - others, axis=2).min(axis=0)
        todo = todo[contrast[todo] < 0.5]
    return ink, start, end


def gradients(rng, count):
    """Ramps from 0 to 1 as [count, 32, 32], down, right or along a diagonal."""
    steps = np.arange(COLOURED_SIDE)
    down, right = np.meshgrid(steps, steps, indexing="ij")
    last = COLOURED_SIDE - 1
    ramps = np.stack([
        down / last,
        right / last,
        (down + right) / (2 * last),
        (down - right + last) / (2 * last),
    ])
    return ramps[rng.integers(0, len(ramps), size=count)]


def paint(rng, images):
    """Coloured pictures [N, 3, 32, 32] of 8x8 digits, and their ink [N, 32, 32]."""
    count = len(images)
    ink = place_digits(rng, images)
    colours = [c[:, :, None, None] for c in random_colours(rng, count)]
    ink_colour, start, end = colours
    background = start + (end - start) * gradients(rng, count)[:, None]
    pictures = background + (ink_colour - background) * ink[:, None]
    return to_bytes(pictures), ink


class ColouredDigits:
    """Digits of random size, place and colour; a new picture in each epoch."""

    def __init__(self):
        split = load_images(8)
        self.train_images, self.train_labels, self.test_images, self.test_labels = split

    def label(self, labels, ink):
        return labels

    def train_count(self):
        return len(self.train_images)

    def batch(self, rng, indices):
        pictures, ink = paint(rng, self.train_images[indices])
        return {"image": pictures}, self.label(self.train_labels[indices], ink)

    def calibration(self):
        rng = np.random.default_rng(COLOURED_SEED)
        chosen = rng.permutation(self.train_count())[:COLOURED_CALIBRATION_COUNT]
        return self.batch(rng, chosen)[0]

    def test(self):
        rng = np.random.default_rng(COLOURED_SEED + 1)
        pictures, ink = paint(rng, self.test_images[:COLOURED_TEST_COUNT])
        labels = self.test_labels[:COLOURED_TEST_COUNT]
        return {"image": pictures}, self.label(labels, ink)


class SegmentedDigits(ColouredDigits):
    """The same pictures, labelled pixel by pixel: 1 for the digit, 0 around it."""

    def label(self, labels, ink):
        return (ink > 0.5).astype(np.int64)


# --------------------------------------------------------------------------
# Pairs
# --------------------------------------------------------------------------


def draw_pairs(rng, labels, indices):
    """Partners for these digits, equal (1) half of the time and other digits (0)
    otherwise, as (indices of the partners, labels of the pairs)."""
    same = rng.random(len(indices)) < 0.5
    partners = np.array([
        rng.choice(np.flatnonzero((labels == labels[index]) == equal))
        for index, equal in zip(indices, same)
    ])
    return partners, same.astype(np.int64)


class DigitPairs:
    """Two digits, the inputs "left" and "right"; label 1 if they are the same."""

    def __init__(self, max_shift):
        self.max_shift = max_shift
        split = load_images(8)
        self.train_images, self.train_labels, self.test_images, self.test_labels = split

    def train_count(self):
        return len(self.train_images)

    def batch(self, rng, indices):
        partners, labels = draw_pairs(rng, self.train_labels, indices)
        sides = {"left": indices, "right": partners}
        return {
            name: shift_randomly(rng, self.train_images[side], self.max_shift)[:, None]
            for name, side in sides.items()
        }, labels

    def calibration(self):
        rng = np.random.default_rng(PAIR_SEED)
        left = rng.permutation(self.train_count())[:PAIR_CALIBRATION_COUNT]
        right, _ = draw_pairs(rng, self.train_labels, left)
        return {
            "left": self.train_images[left][:, None],
            "right": self.train_images[right][:, None],
        }

    def test(self):
        rng = np.random.default_rng(PAIR_SEED + 1)
        left = np.arange(len(self.test_labels))
        right, labels = draw_pairs(rng, self.test_labels, left)
        return {
            "left": self.test_images[left][:, None],
            "right": self.test_images[right][:, None],
        }, labels
