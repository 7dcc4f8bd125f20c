"""Llama's architecture as an ONNX graph, from the tensors and fields of a GGUF file.

RMSNorm before attention and before the gated layers, rotary positions, groups of heads that share
keys and values, and the table of words as the head where the file has no other.
"""

import numpy as np

from builder import IDS, LOGITS, Builder


class Llama(Builder):
    def __init__(self, fields, tensors, longest):
        super().__init__()
        self.tensors = tensors
        self.layers = fields["llama.block_count"]
        self.width = fields["llama.embedding_length"]
        self.heads = fields["llama.attention.head_count"]
        self.shared_heads = fields["llama.attention.head_count_kv"]
        self.epsilon = fields["llama.attention.layer_norm_rms_epsilon"]
        self.base = fields["llama.rope.freq_base"]
        self.longest = longest

    def dense(self, name, x):
        matrix = self.constant(f"{name}.T", self.tensors[f"{name}.weight"].T)
        return self.node("MatMul", name, x, matrix)

    def norm(self, name, x):
        scale = self.constant(f"{name}.scale", self.tensors[f"{name}.weight"])
        return self.node("RMSNormalization", name, x, scale, epsilon=self.epsilon)

    def turned(self, name, x, heads):
        """Rotary positions. GGUF has the pairs of a head side by side."""
        half = self.width // self.heads // 2
        rates = self.base ** (-np.arange(half) / half)
        angles = np.outer(np.arange(self.longest), rates)
        caches = (
            self.constant("rotary.cosines", np.cos(angles).astype(np.float32)),
            self.constant("rotary.sines", np.sin(angles).astype(np.float32)),
        )
        return self.node(
            "RotaryEmbedding", name, x, *caches, "positions", interleaved=1, num_heads=heads
        )

    def attention(self, room, x):
        q = self.turned(f"{room}.q_turned", self.dense(f"{room}.attn_q", x), self.heads)
        k = self.turned(f"{room}.k_turned", self.dense(f"{room}.attn_k", x), self.shared_heads)
        v = self.dense(f"{room}.attn_v", x)
        mixed = self.node(
            "Attention", f"{room}.attention", q, k, v, is_causal=1,
            q_num_heads=self.heads, kv_num_heads=self.shared_heads,
        )
        return self.dense(f"{room}.attn_output", mixed)

    def gated(self, room, x):
        gate = self.dense(f"{room}.ffn_gate", x)
        gate = self.node("Mul", f"{room}.silu", gate, self.node("Sigmoid", f"{room}.sigmoid", gate))
        product = self.node("Mul", f"{room}.gated", gate, self.dense(f"{room}.ffn_up", x))
        return self.dense(f"{room}.ffn_down", product)

    def network(self, name):
        words = self.tensors["token_embd.weight"]
        table = self.constant("token_embd", words)
        x = self.node("Gather", "embedded", table, IDS)
        self.positions()
        for layer in range(self.layers):
            room = f"blk.{layer}"
            part = self.attention(room, self.norm(f"{room}.attn_norm", x))
            x = self.node("Add", f"{room}.attended", x, part)
            part = self.gated(room, self.norm(f"{room}.ffn_norm", x))
            x = self.node("Add", f"{room}.out", x, part)
        x = self.norm("output_norm", x)
        if "output.weight" in self.tensors:
            head = self.constant("output.T", self.tensors["output.weight"].T)
        else:
            head = self.node("Transpose", "token_embd.T", table, perm=[1, 0])
        self.node("MatMul", LOGITS, x, head)
        return self.model(name, len(words))
