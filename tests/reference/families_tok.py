"""Tiny tokenizers of each family's kind, trained here on text of ours: SentencePiece BPE and byte-level BPE.

write(kind, folder) puts the files in the form that the family publishes them in and returns an encoder text -> ids.
Normalizers, split regexes, flags and the places of special tokens are those of the published files.
"""
import json
import os

import sentencepiece as spm
from sentencepiece import sentencepiece_model_pb2 as pb
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

os.environ["TOKENIZERS_PARALLELISM"] = "false"
HELDOUT = os.path.join(os.path.dirname(__file__), "..", "demo", "heldout.txt")
LINES = [  # ours, so that scripts, digits, code and runs of blanks occur
    "Le modèle converti donne les mêmes nombres que l'original, au bit près.",
    "Преобразованная модель даёт те же числа, что и исходная.",
    "变换后的模型给出与原来相同的数字。",
    "変換されたモデルは元と同じ数を出します。",
    "النموذج المحوَّل يعطي الأرقام نفسها.",
    "המודל המומר נותן את אותם המספרים.",
    "रूपांतरित मॉडल वही संख्याएँ देता है।",
    "Das Gewicht 0.30103 wird zu 2.99573; 1234567 bleibt 1234567.",
    "for (size_t i = 0; i < n; i++)\n\tsum += x[i] * y[i];",
    "def half(x):\n    return x / 2\n\n\nprint(half(10))",
    "It's what they'd said: we're done, I'm sure you'll agree, he's DON'T.",
]
CHATML = ("{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
          "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")
FOX_CHAT = ("{% for message in messages %}{{ '<|' + message['role'] + '|>\\n' + message['content'] + eos_token + '\\n' }}"
            "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}")


def training_text(copies):
    """copies of our lines: one for SentencePiece, whose every frequent character takes a piece; more for byte-level BPE."""
    with open(HELDOUT, encoding="utf-8") as f:
        return f.read().split("\n") + copies * "\n".join(LINES).split("\n")


def dump(folder, name, value):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
        json.dump(value, f, indent=2, ensure_ascii=False)
        f.write("\n")


def plain(content, **flags):
    return {"content": content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, **flags}


# --- SentencePiece


def train_spm(folder, **options):
    path = os.path.join(folder, "tokenizer.model")
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(training_text(1)), model_prefix=path[: -len(".model")], model_type="bpe", num_threads=1,
        normalization_rule_name="identity", remove_extra_whitespaces=False, byte_fallback=True, split_digits=True,
        allow_whitespace_only_pieces=True, minloglevel=2, max_sentence_length=100000, **options)
    os.remove(path[: -len("model")] + "vocab")
    model = pb.ModelProto()
    with open(path, "rb") as f:
        model.ParseFromString(f.read())
    model.trainer_spec.ClearField("input")
    model.trainer_spec.ClearField("model_prefix")
    with open(path, "wb") as f:
        f.write(model.SerializeToString(deterministic=True))
    return spm.SentencePieceProcessor(model_file=path)


def gemma(folder, n, tokenizer_class="GemmaTokenizer", chat=None):
    runs = ["\n" * k for k in (1, 2, 3)] + ["\u2581" * k for k in (2, 3, 4, 8)] + ["<table>", "<tr>", "</table>"]
    sp = train_spm(folder, vocab_size=n, pad_id=0, eos_id=1, bos_id=2, unk_id=3, pad_piece="<pad>", eos_piece="<eos>",
                   bos_piece="<bos>", add_dummy_prefix=False, character_coverage=0.98,
                   control_symbols=["<start_of_turn>", "<end_of_turn>"], user_defined_symbols=runs)
    named = {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>"}
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"]
    config = {"add_bos_token": True, "add_eos_token": False,
              "added_tokens_decoder": {str(sp.piece_to_id(s)): plain(s, special=True) for s in special},
              "additional_special_tokens": special[4:], **named, "clean_up_tokenization_spaces": False,
              "model_max_length": 1000000000000000019884624838656, "sp_model_kwargs": {},
              "spaces_between_special_tokens": False, "tokenizer_class": tokenizer_class, "use_default_system_prompt": False}
    if chat:
        config["chat_template"] = chat
    dump(folder, "tokenizer_config.json", config)
    dump(folder, "special_tokens_map.json",
         {"additional_special_tokens": special[4:], **{k: plain(v) for k, v in named.items()}})
    return lambda text: [sp.bos_id()] + sp.encode(text)


def llama_spm(folder, n, decoder=False):
    sp = train_spm(folder, vocab_size=n, unk_id=0, bos_id=1, eos_id=2, pad_id=-1, character_coverage=0.98)
    named = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    config = {"add_bos_token": True, "add_eos_token": False}
    if decoder:  # as in files written since 2023-09
        config["added_tokens_decoder"] = {str(i): plain(s, special=True) for i, s in enumerate(["<unk>", "<s>", "</s>"])}
        config.update(named, additional_special_tokens=[], legacy=True, spaces_between_special_tokens=False)
    else:
        config.update({k: {"__type": "AddedToken", **plain(v)} for k, v in named.items()}, legacy=False)
    config.update(clean_up_tokenization_spaces=False, model_max_length=1000000000000000019884624838656, pad_token=None,
                  sp_model_kwargs={}, tokenizer_class="LlamaTokenizer")
    dump(folder, "tokenizer_config.json", config)
    dump(folder, "special_tokens_map.json", {k: plain(v) for k, v in named.items()})
    return lambda text: [sp.bos_id()] + sp.encode(text)


PHI3_ADDED = ["<|endoftext|>", "<|assistant|>", "<|placeholder1|>", "<|placeholder2|>", "<|placeholder3|>", "<|placeholder4|>",
              "<|system|>", "<|end|>", "<|placeholder5|>", "<|placeholder6|>", "<|user|>"]


def phi3(folder, n):
    """Eleven tokens beyond the .model, </s> no special token, and no BOS: as Phi-3's files have it."""
    sp = train_spm(folder, vocab_size=n, unk_id=0, bos_id=1, eos_id=2, pad_id=-1, character_coverage=0.98)
    named = {"bos_token": "<s>", "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>", "unk_token": "<unk>"}
    added = {"0": plain("<unk>", special=True), "1": plain("<s>", special=True), "2": plain("</s>", rstrip=True, special=False)}
    added.update({str(n + i): plain(s, rstrip=i > 0, special=True) for i, s in enumerate(PHI3_ADDED)})
    dump(folder, "added_tokens.json", {s: n + i for i, s in enumerate(PHI3_ADDED)})
    dump(folder, "tokenizer_config.json",
         {"add_bos_token": False, "add_eos_token": False, "added_tokens_decoder": added, **named,
          "clean_up_tokenization_spaces": False, "legacy": False, "model_max_length": 4096, "padding_side": "left",
          "sp_model_kwargs": {}, "tokenizer_class": "LlamaTokenizer", "use_default_system_prompt": False})
    dump(folder, "special_tokens_map.json", {k: plain(v) for k, v in named.items()})
    return sp.encode


def bare_spm(folder, n):
    """tokenizer.model alone: OpenELM's checkpoints ship no tokenizer, its users fetch Llama 2's."""
    sp = train_spm(folder, vocab_size=n, unk_id=0, bos_id=1, eos_id=2, pad_id=-1, character_coverage=0.98)
    return lambda text: [sp.bos_id()] + sp.encode(text)


# --- byte-level BPE

LETTERS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
SYMBOLS = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
SPLIT_1, SPLIT_3 = LETTERS + r"\p{N}" + SYMBOLS, LETTERS + r"\p{N}{1,3}" + SYMBOLS  # digits alone; groups of three
SPLIT_BLOOM = " ?[^(\\s|[.,!?…。，、।۔،])]+"


def byte_level(**flags):
    return pre_tokenizers.ByteLevel(**{"add_prefix_space": False, "trim_offsets": True, "use_regex": False, **flags})


def split(pattern, behavior="isolated", invert=False, trim=True):
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), behavior, invert), byte_level(trim_offsets=trim)])


def train_bpe(pre, n_merges, first=(), last=(), normalizer=None, ignore_merges=False):
    """first: specials before the bytes (they are pieces of the vocabulary), last: after the merges (they are not)."""
    t = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    t.pre_tokenizer = pre
    if normalizer:
        t.normalizer = normalizer
    trainer = trainers.BpeTrainer(vocab_size=len(first) + 256 + n_merges, special_tokens=list(first), show_progress=False,
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    t.train_from_iterator(training_text(8), trainer)
    t.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in last])
    return t


def config_of(t, folder, special, **more):
    ids = {s: t.token_to_id(s) for s in special}
    dump(folder, "tokenizer_config.json",
         {"add_prefix_space": False, "added_tokens_decoder": {str(i): plain(s, special=True) for s, i in ids.items()}, **more})


def save_bpe(t, folder):
    text = json.dumps(json.loads(t.to_str()), indent=2, ensure_ascii=False)
    with open(os.path.join(folder, "tokenizer.json"), "w", encoding="utf-8") as f:
        f.write(text)
    return lambda text: t.encode(text).ids


def qwen(folder, n_merges, chat=CHATML):
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    t = train_bpe(split(SPLIT_1, trim=False), n_merges, last=special, normalizer=normalizers.NFC())
    t.post_processor = processors.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    t.decoder = decoders.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    config_of(t, folder, special, additional_special_tokens=special[1:], bos_token=None, chat_template=chat,
              clean_up_tokenization_spaces=False, eos_token=special[0], errors="replace", model_max_length=32768,
              pad_token=special[0], split_special_tokens=False, tokenizer_class="Qwen2Tokenizer", unk_token=None)
    return save_bpe(t, folder)


def stablelm(folder, n_merges):
    special = ["<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|im_start|>", "<|im_end|>"]
    t = train_bpe(split(SPLIT_1, "removed", invert=True), n_merges, last=special)
    t.post_processor = processors.ByteLevel(trim_offsets=True)
    t.decoder = decoders.ByteLevel()
    config_of(t, folder, special, bos_token=special[0], clean_up_tokenization_spaces=False, eos_token=special[0],
              model_max_length=2048, pad_token=special[0], tokenizer_class="GPT2Tokenizer", unk_token=special[0])
    return save_bpe(t, folder)


def llama3(folder, n_merges):
    special = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    t = train_bpe(split(SPLIT_3), n_merges, last=special, ignore_merges=True)
    begin = special[0]
    t.post_processor = processors.Sequence([
        processors.ByteLevel(add_prefix_space=True, trim_offsets=False, use_regex=True),
        processors.TemplateProcessing(single=begin + " $A", pair=f"{begin} $A {begin}:1 $B:1",
                                      special_tokens=[(begin, t.token_to_id(begin))])])
    t.decoder = decoders.ByteLevel()
    config_of(t, folder, special, bos_token=begin, clean_up_tokenization_spaces=True, eos_token=special[1],
              model_input_names=["input_ids", "attention_mask"], model_max_length=131072, tokenizer_class="PreTrainedTokenizerFast")
    return save_bpe(t, folder)


def smollm(folder, n_merges):
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>", "<file_sep>"]
    pre = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level(use_regex=True)])
    t = train_bpe(pre, n_merges, first=special)
    t.decoder = decoders.ByteLevel()
    config_of(t, folder, special, additional_special_tokens=special, bos_token=special[0], clean_up_tokenization_spaces=False,
              eos_token=special[0], model_max_length=8192, tokenizer_class="GPT2Tokenizer", unk_token=special[0],
              vocab_size=t.get_vocab_size())
    return save_bpe(t, folder)


def olmo2(folder, n_merges):
    special = ["<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "|||PHONE_NUMBER|||", "<|pad|>"]
    t = train_bpe(split(SPLIT_3, "removed", invert=True), n_merges, last=special)
    t.post_processor = processors.ByteLevel(trim_offsets=False)
    t.decoder = decoders.ByteLevel()
    config_of(t, folder, special, bos_token=special[0], clean_up_tokenization_spaces=False, eos_token=special[0],
              model_max_length=8192, pad_token=special[-1], tokenizer_class="GPT2Tokenizer", unk_token=special[0])
    return save_bpe(t, folder)


def bloom(folder, n_merges):
    special = ["<unk>", "<s>", "</s>", "<pad>"]
    t = train_bpe(split(SPLIT_BLOOM), n_merges, first=special)
    t.post_processor = processors.ByteLevel(add_prefix_space=True, trim_offsets=False)
    t.decoder = decoders.ByteLevel(add_prefix_space=True, trim_offsets=True)
    names = {"unk_token": special[0], "bos_token": special[1], "eos_token": special[2], "pad_token": special[3]}
    dump(folder, "tokenizer_config.json", {**names, "add_prefix_space": False, "padding_side": "left", "tokenizer_class": "BloomTokenizerFast"})
    dump(folder, "special_tokens_map.json", names)
    return save_bpe(t, folder)


def gpt2(folder, n_merges):
    """vocab.json and merges.txt alone, the one special token last: GPT-2's first form."""
    t = train_bpe(byte_level(use_regex=True), n_merges)
    t.model.save(folder)
    with open(os.path.join(folder, "vocab.json"), encoding="utf-8") as f:
        vocab = json.load(f)
    vocab["<|endoftext|>"] = len(vocab)
    with open(os.path.join(folder, "vocab.json"), "w", encoding="utf-8") as f:
        json.dump(vocab, f, ensure_ascii=False)
    dump(folder, "tokenizer_config.json", {"model_max_length": 48})
    return lambda text: t.encode(text).ids
