"""How good answers are.  Classes are the second axis of pictures, [N, classes, ...],
and the last of text, [N, tokens, classes]."""

import numpy as np


def class_axis(logits, labels):
    """The axis of the logits that labels do not have."""
    return -1 if labels.shape == logits.shape[:-1] else 1


def right(logits, labels):
    """Whether each answer is right: one for each sample, pixel or token."""
    return logits.argmax(axis=class_axis(logits, labels)) == labels


def sample_accuracy(correct):
    """The share of right answers within each sample."""
    return correct.reshape(len(correct), -1).mean(axis=1)


def mean_union_share(logits, labels):
    """Mean IoU: for each class the pixels found in common, as a share of those that
    the answer or the label holds, over the whole set; then the mean of the classes."""
    answers = logits.argmax(axis=1)
    shares = []
    for each in range(logits.shape[1]):
        found, wanted = answers == each, labels == each
        shares.append((found & wanted).sum() / (found | wanted).sum())
    return float(np.mean(shares))
