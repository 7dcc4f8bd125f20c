"""GPT-2's architecture as an ONNX graph, with random weights of the usual sizes.

It is for comparing costs, which depend on shapes alone: it says nothing sensible.
"""

import numpy as np

from builder import IDS, LOGITS, Builder

LONGEST, VOCABULARY = 1024, 50257


class Gpt2(Builder):
    def __init__(self, layers, width, heads, seed=2):
        super().__init__()
        self.layers, self.width, self.heads = layers, width, heads
        self.random = np.random.default_rng(seed)

    def weights(self, name, *shape, size=0.02):
        numbers = self.random.standard_normal(shape, np.float32) * np.float32(size)
        return self.constant(name, numbers)

    def dense(self, name, x, inputs, outputs, size=0.02):
        matrix = self.weights(f"{name}.weight", inputs, outputs, size=size)
        bias = self.weights(f"{name}.bias", outputs)
        return self.node("Add", name, self.node("MatMul", f"{name}.MatMul", x, matrix), bias)

    def norm(self, name, x):
        scale = self.constant(f"{name}.weight", np.ones(self.width, np.float32))
        shift = self.weights(f"{name}.bias", self.width)
        return self.node("LayerNormalization", name, x, scale, shift, epsilon=1e-5)

    def block(self, room, x):
        # What joins the residual stream is smaller the more layers there are, as in GPT-2.
        joining = 0.02 / np.sqrt(2 * self.layers)
        parts = self.dense(f"{room}.attn", self.norm(f"{room}.ln_1", x), self.width, 3 * self.width)
        q, k, v = self.node("Split", f"{room}.split", parts, outputs=3, axis=-1, num_outputs=3)
        mixed = self.node(
            "Attention", f"{room}.attention", q, k, v, is_causal=1,
            q_num_heads=self.heads, kv_num_heads=self.heads,
        )
        part = self.dense(f"{room}.proj", mixed, self.width, self.width, joining)
        x = self.node("Add", f"{room}.attended", x, part)
        wide = self.dense(f"{room}.fc", self.norm(f"{room}.ln_2", x), self.width, 4 * self.width)
        wide = self.node("Gelu", f"{room}.gelu", wide, approximate="tanh")
        part = self.dense(f"{room}.out", wide, 4 * self.width, self.width, joining)
        return self.node("Add", f"{room}.joined", x, part)

    def network(self, name):
        table = self.weights("wte", VOCABULARY, self.width)
        words = self.node("Gather", "words", table, IDS)
        places = self.node(
            "Gather", "places", self.weights("wpe", LONGEST, self.width), self.positions()
        )
        x = self.node("Add", "embedded", words, places)
        for layer in range(self.layers):
            x = self.block(f"h.{layer}", x)
        head = self.node("Transpose", "wte.T", table, perm=[1, 0])
        self.node("MatMul", LOGITS, self.norm("ln_f", x), head)
        return self.model(name, VOCABULARY)
