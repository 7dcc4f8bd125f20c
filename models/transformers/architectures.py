"""Architectures of `transformers`, small, with random weights: name, a function that makes one, what it reads."""

import torch
import transformers as tr

VOCABULARY, LENGTH = 97, 8
SIZES = {"vocab_size": VOCABULARY, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
         "intermediate_size": 64, "max_position_embeddings": 16}  # fmt: skip
GROUPED = SIZES | {"num_key_value_heads": 2}
SPECIAL = {f"{name}_token_id": number for number, name in enumerate(("pad", "eos", "bos", "cls", "sep"))}
IMAGE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64, "image_size": 8, "patch_size": 4}

IDS, MASK, KINDS = ["input_ids"], ["input_ids", "attention_mask"], ["input_ids", "attention_mask", "token_type_ids"]
ARCHITECTURES = {
    "bert": (lambda a: tr.BertModel(tr.BertConfig(**SIZES, **a)), KINDS),
    "distilbert": (
        lambda a: tr.DistilBertForSequenceClassification(
            tr.DistilBertConfig(vocab_size=VOCABULARY, dim=32, n_layers=2, n_heads=4, hidden_dim=64, max_position_embeddings=16, **a)
        ),
        MASK,
    ),
    "roberta": (lambda a: tr.RobertaModel(tr.RobertaConfig(**SIZES, pad_token_id=1, **a)), MASK),
    "modernbert": (lambda a: tr.ModernBertModel(tr.ModernBertConfig(**SIZES, **SPECIAL, **a)), MASK),
    "gpt2": (lambda a: tr.GPT2LMHeadModel(tr.GPT2Config(vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=4, n_positions=16, **a)), IDS),
    "gpt-neox": (lambda a: tr.GPTNeoXForCausalLM(tr.GPTNeoXConfig(**SIZES, **a)), IDS),
    "phi": (lambda a: tr.PhiForCausalLM(tr.PhiConfig(**SIZES, **a)), IDS),
    "llama": (lambda a: tr.LlamaForCausalLM(tr.LlamaConfig(**GROUPED, **a)), IDS),
    "qwen2": (lambda a: tr.Qwen2ForCausalLM(tr.Qwen2Config(**GROUPED, tie_word_embeddings=True, **a)), MASK),
    "gemma": (lambda a: tr.GemmaForCausalLM(tr.GemmaConfig(**GROUPED, head_dim=8, **a)), IDS),
    "t5-encoder": (
        lambda a: tr.T5EncoderModel(
            tr.T5Config(vocab_size=VOCABULARY, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, feed_forward_proj="gated-gelu", **a)
        ),
        MASK,
    ),
    "whisper-encoder": (
        lambda a: tr.WhisperModel(
            tr.WhisperConfig(vocab_size=VOCABULARY, num_mel_bins=8, d_model=32, encoder_layers=2, encoder_attention_heads=4,
                             encoder_ffn_dim=64, decoder_layers=1, decoder_attention_heads=4, decoder_ffn_dim=64,
                             max_source_positions=8, max_target_positions=8, decoder_start_token_id=2, **SPECIAL, **a)  # fmt: skip
        ).encoder,
        ["input_features"],
    ),
    "vit": (lambda a: tr.ViTForImageClassification(tr.ViTConfig(**IMAGE, **a)), ["pixel_values"]),
    "clip-vision": (lambda a: tr.CLIPVisionModel(tr.CLIPVisionConfig(**IMAGE, **a)), ["pixel_values"]),
}
SHAPES = {"input_features": [8, 16], "pixel_values": [3, 8, 8]}


class OneOutput(torch.nn.Module):
    """A model between tensors: logits, or the last hidden state."""

    def __init__(self, model, names):
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *tensors):
        cache = {"use_cache": False} if hasattr(self.model, "lm_head") or hasattr(self.model, "embed_out") else {}
        found = self.model(**dict(zip(self.names, tensors)), return_dict=True, **cache)
        return found.logits if hasattr(found, "logits") else found.last_hidden_state


def make(name: str, attention: str):
    """The model, and names of its inputs; attention is `eager` or `sdpa`."""
    torch.manual_seed(0)
    build, names = ARCHITECTURES[name]
    model = build({"attn_implementation": attention}).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    return model, names


def samples(names: list[str], count: int):
    """So many samples, each without its batch."""
    generator = torch.Generator().manual_seed(1)
    found = {}
    for name in names:
        if name in SHAPES:
            found[name] = torch.randn([count, *SHAPES[name]], generator=generator)
        elif name == "attention_mask":
            ends = torch.randint(LENGTH // 2, LENGTH + 1, [count, 1], generator=generator)
            found[name] = (torch.arange(LENGTH) < ends).long()
        else:
            most = 2 if name == "token_type_ids" else VOCABULARY
            found[name] = torch.randint(0, most, [count, LENGTH], generator=generator)
    return found
