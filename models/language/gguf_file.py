"""What is in a GGUF file: fields, tensors as float32, and its tokenizer as the `tokenizers` crate
and package read one.
"""

import gguf
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

# What the file's `tokenizer.ggml.pre` takes apart before words are, as GPT-2 has them.
SPLITS = {
    "smollm": [pre_tokenizers.Digits(individual_digits=True)],
    "gpt-2": [],
}
CONTROL = 3  # a token that text never makes, in `tokenizer.ggml.token_type`


def read(path):
    """Fields by name, and float32 tensors by name, `[outputs, inputs]`."""
    reader = gguf.GGUFReader(path)
    fields = {name: field.contents() for name, field in reader.fields.items()}
    tensors = {
        tensor.name: gguf.dequantize(tensor.data, tensor.tensor_type)
        for tensor in reader.tensors
    }
    return fields, tensors


def tokenizer(fields):
    """The file's byte pairs, as a tokenizer that writes `tokenizer.json`."""
    if fields["tokenizer.ggml.model"] != "gpt2":
        raise SystemExit(f"no tokenizer for {fields['tokenizer.ggml.model']!r}, only for 'gpt2'")
    tokens = fields["tokenizer.ggml.tokens"]
    merges = [tuple(pair.split(" ")) for pair in fields["tokenizer.ggml.merges"]]
    made = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    before = SPLITS[fields["tokenizer.ggml.pre"]]
    words = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.pre_tokenizer = pre_tokenizers.Sequence([*before, words])
    made.decoder = decoders.ByteLevel()
    kinds = fields["tokenizer.ggml.token_type"]
    made.add_special_tokens([t for t, kind in zip(tokens, kinds) if kind == CONTROL])
    return made


def same_ids(made, fields):
    """Special tokens keep their places."""
    return all(made.token_to_id(t) == i for i, t in enumerate(fields["tokenizer.ggml.tokens"]))
