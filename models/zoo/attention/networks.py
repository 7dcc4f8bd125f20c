"""The transformers of the zoo, as one writes them in PyTorch.

They differ in what exporters make of them: `transformer-16` is torch's own encoder
layer (normalised after each branch, ReLU), `vit-8x8` normalises before, has a class
token and GELU, `nanogpt-64` is causal and shares the table of characters with its
output.
"""

from dataclasses import dataclass
from typing import Callable

import torch
from torch import nn
from torch.nn import functional

from training.data import CLASS_COUNT, Dataset, Digits

from .data import CONTEXT, Patches, Text


class PatchClassifier(nn.Module):
    """One encoder layer over 16 patches, and their mean."""

    def __init__(self, width=32, heads=4, hidden=64):
        super().__init__()
        self.embed = nn.Linear(4, width)
        self.positions = nn.Parameter(torch.randn(16, width) * 0.02)
        self.block = nn.TransformerEncoderLayer(
            width, heads, hidden, dropout=0.0, batch_first=True
        )
        self.head = nn.Linear(width, CLASS_COUNT)

    def forward(self, patches):
        x = self.block(self.embed(patches) + self.positions)
        return self.head(x.mean(dim=1))


class SelfAttention(nn.Module):
    """Attention of all heads, queries, keys and values from one dense layer."""

    def __init__(self, width, heads, causal):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.join = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)

    def forward(self, x):
        batch, tokens, width = x.shape
        split = (batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = self.join(x).reshape(split).permute(2, 0, 3, 1, 4)
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        return self.project(y.transpose(1, 2).reshape(batch, tokens, width))


class Block(nn.Module):
    """Attention and two dense layers, each normalised before and added."""

    def __init__(self, width, heads, hidden, causal=False):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads, causal)
        self.norm2 = nn.LayerNorm(width)
        self.widen = nn.Linear(width, hidden)
        self.narrow = nn.Linear(hidden, width)

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.narrow(functional.gelu(self.widen(self.norm2(x))))


class VisionTransformer(nn.Module):
    """Patches of 2 by 2 pixels by a convolution, a class token, two blocks."""

    def __init__(self, width=32, heads=4, hidden=64, blocks=2):
        super().__init__()
        self.embed = nn.Conv2d(1, width, kernel_size=2, stride=2)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.randn(1, 17, width) * 0.02)
        self.blocks = nn.Sequential(*(Block(width, heads, hidden) for _ in range(blocks)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, CLASS_COUNT)

    def forward(self, image):
        x = self.embed(image).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], dim=1)
        x = self.blocks(x + self.positions)
        return self.head(self.norm(x)[:, 0])


class NanoGpt(nn.Module):
    """Four causal blocks over characters; the logits of every next one."""

    def __init__(self, characters, width=72, heads=4, blocks=4):
        super().__init__()
        self.table = nn.Embedding(characters, width)
        self.positions = nn.Embedding(CONTEXT, width)
        self.blocks = nn.Sequential(
            *(Block(width, heads, 4 * width, causal=True) for _ in range(blocks))
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, characters, bias=False)
        nn.init.normal_(self.table.weight, std=0.02)
        nn.init.normal_(self.positions.weight, std=0.02)
        self.head.weight = self.table.weight

    def forward(self, ids):
        places = torch.arange(ids.shape[1], device=ids.device)
        x = self.table(ids) + self.positions(places)
        return self.head(self.norm(self.blocks(x)))


@dataclass(frozen=True)
class Transformer:
    """One network and how it is trained."""

    name: str
    data: Dataset
    build: Callable[[], nn.Module]
    steps: int
    batch: int
    minimum_accuracy: float
    # Whether the file of the older exporter is kept too.
    script: bool = True


def transformers() -> list[Transformer]:
    text = Text()
    return [
        Transformer(
            name="transformer-16",
            data=Patches(max_shift=1),
            build=PatchClassifier,
            steps=3000,
            batch=64,
            minimum_accuracy=0.95,
        ),
        Transformer(
            name="vit-8x8",
            data=Digits(side=8, shape=(1, 8, 8), max_shift=1),
            build=VisionTransformer,
            steps=3000,
            batch=64,
            minimum_accuracy=0.95,
        ),
        Transformer(
            name="nanogpt-64",
            data=text,
            build=lambda: NanoGpt(len(text.characters)),
            steps=3000,
            batch=48,
            minimum_accuracy=0.5,
            script=False,
        ),
    ]
