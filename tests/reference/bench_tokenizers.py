#!/usr/bin/env python3
"""Text to ids: fox against HF tokenizers, llama.cpp and SentencePiece, on the same vocabularies and texts, one thread each.

    pip install -r tests/reference/requirements.txt; pip download --no-deps Django==5.2.8; unzip Django-5.2.8*.whl -d texts
    make build/release/tests/gen/tokspeed
    python tests/reference/bench_tokenizers.py texts VOCAB.gguf...

VOCAB.gguf: llama.cpp's models/ggml-vocab-*.gguf of models "gpt2" and "llama". A Unigram vocabulary of 32,000 pieces is
trained from the texts. 10 MB of texts: message catalogues of a hundred languages (.po), program code (.py), prose and
markup (the rest), in documents of at most 16 KiB. Everybody encodes each document by a call of its own (HF: one call of
encode_batch_fast for all); in a round each runs once, in turn. Printed: medians of MB/s, the medians of the ratios, and whether
the ids were the same as fox's. llama.cpp's own ids differ from the originals' on some texts: their number is printed.
"""
import glob
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
import gguf  # noqa: E402
import llama_cpp  # noqa: E402
import numpy as np  # noqa: E402
import sentencepiece as spm  # noqa: E402
from sentencepiece import sentencepiece_model_pb2 as pb  # noqa: E402
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers  # noqa: E402

SIZE, PART, ROUNDS = 10_000_000, 16384, 5
TOKSPEED = "build/release/tests/gen/tokspeed"
GOLDEN = "tests/golden/"


def documents(folder):
    rng, kinds = random.Random(1), {"": [], ".py": [], ".po": []}
    for path in sorted(glob.glob(f"{folder}/**/*", recursive=True)):
        ext = os.path.splitext(path)[1]
        if os.path.isfile(path) and ext not in (".mo", ".pyc", ".png", ".gz", ".ico", ".woff", ".woff2"):
            kinds[ext if ext in kinds else ""].append(path)
    docs, left = [], SIZE
    for k, paths in enumerate(kinds.values()):
        rng.shuffle(paths)
        room = share = left // (len(kinds) - k)
        for path in paths:
            text = open(path, encoding="utf-8", errors="ignore").read().replace("\0", "")
            while text and room > 0:
                docs.append(text[:PART].encode()[: min(PART, room)].decode("utf-8", "ignore"))
                text = text[max(1, len(docs[-1])):]
                room -= max(1, len(docs[-1].encode()))
        left -= share - max(room, 0)
    rng.shuffle(docs)
    return docs


def total(ids_of_docs):
    ids = np.fromiter((i for ids in ids_of_docs for i in ids), np.uint64)
    return len(ids), int((ids * np.arange(1, len(ids) + 1, dtype=np.uint64)).sum())


class Fox:
    def __init__(self, path, docs):
        self.p = subprocess.Popen([TOKSPEED, path, docs], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self):
        self.p.stdin.write("\n")
        self.p.stdin.flush()
        seconds, n, check = self.p.stdout.readline().split()
        return float(seconds), (int(n), int(check))


class Llama:
    def __init__(self, path, docs):
        p = llama_cpp.llama_model_default_params()
        p.vocab_only = True
        self.model = llama_cpp.llama_model_load_from_file(path.encode(), p)
        assert self.model, path
        self.vocab, self.docs = llama_cpp.llama_model_get_vocab(self.model), [d.encode() for d in docs]
        self.room = (llama_cpp.llama_token * (4 * PART + 16))()

    def run(self):
        spent, out = 0.0, []
        for d in self.docs:
            start = time.perf_counter()
            n = llama_cpp.llama_tokenize(self.vocab, d, len(d), self.room, len(self.room), False, False)
            spent += time.perf_counter() - start
            assert n >= 0
            out.append(self.room[:n])
        self.out = out
        return spent, total(out)


class Hf:
    def __init__(self, tok, docs):
        self.tok, self.docs = tok, docs

    def run(self):
        start = time.perf_counter()
        out = self.tok.encode_batch_fast(self.docs, add_special_tokens=False)
        spent = time.perf_counter() - start
        return spent, total(e.ids for e in out)


class Sp:
    def __init__(self, proto, docs):
        self.sp, self.docs = spm.SentencePieceProcessor(model_proto=proto.SerializeToString()), docs

    def run(self):
        spent, out = 0.0, []
        for d in self.docs:
            start = time.perf_counter()
            ids = self.sp.encode(d)
            spent += time.perf_counter() - start
            out.append(ids)
        return spent, total(out)


def read(path):
    """What a container says under tokenizer.ggml."""
    fields = gguf.GGUFReader(path).fields
    return lambda key: fields["tokenizer.ggml." + key].contents()


def bpe_peer(path, kind):
    one = read(path)
    tok = Tokenizer.from_file(f"{GOLDEN}tj_{kind}.json")
    vocab = {t: i for i, t in enumerate(one("tokens"))}
    bpe = models.BPE(vocab=vocab, merges=[tuple(m.split(" ")) for m in one("merges")])
    made = Tokenizer(bpe)
    made.pre_tokenizer = tok.pre_tokenizer
    made.add_tokens([AddedToken(t, normalized=False) for t, k in zip(one("tokens"), one("token_type")) if k == 4])
    return made


def spm_peer(path):
    """As transformers makes tokenizer.json of a tokenizer.model: merges from the order of the scores."""
    one = read(path)
    pieces, scores, types = one("tokens"), one("scores"), one("token_type")
    vocab = {t: i for i, t in enumerate(pieces)}
    merges = []
    for p, i in vocab.items():
        local = sorted(((p[:k], p[k:]) for k in range(1, len(p)) if p[:k] in vocab and p[k:] in vocab),
                       key=lambda m: (vocab[m[0]], vocab[m[1]]))
        merges += [(m, scores[i]) for m in local]
    merges = [m for m, _ in sorted(merges, key=lambda m: -m[1])]
    t = Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    proto = pb.ModelProto()
    for p, s, k in zip(pieces, scores, types):
        proto.pieces.add(piece=p, score=s, type=k)
    proto.trainer_spec.model_type, proto.trainer_spec.byte_fallback = 2, True
    proto.trainer_spec.unk_id = 0
    proto.normalizer_spec.remove_extra_whitespaces = False
    return t, proto


def unigram(folder, docs):
    """The container, HF's tokenizer and the ModelProto of a vocabulary trained on the texts."""
    with open(f"{folder}/train.txt", "w", encoding="utf-8") as f:
        f.writelines(line + "\n" for d in docs for line in d.split("\n"))
    spm.SentencePieceTrainer.train(input=f"{folder}/train.txt", model_prefix=f"{folder}/uni", vocab_size=32000, model_type="unigram",
                                   byte_fallback=True, num_threads=2, input_sentence_size=200000, minloglevel=2,
                                   max_sentence_length=16384)
    proto = pb.ModelProto()
    proto.ParseFromString(open(f"{folder}/uni.model", "rb").read())
    t = Tokenizer(models.Unigram([(p.piece, p.score) for p in proto.pieces], proto.trainer_spec.unk_id, True))
    t.normalizer = normalizers.Sequence([normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap),
                                         normalizers.Strip(), normalizers.Replace(Regex(" {2,}"), " ")])
    t.pre_tokenizer = pre_tokenizers.Metaspace()
    w = gguf.GGUFWriter(f"{folder}/uni.gguf", "t5")
    w.add_tokenizer_model("t5")
    w.add_token_list([p.piece for p in proto.pieces])
    w.add_token_scores([p.score for p in proto.pieces])
    w.add_token_types([p.type for p in proto.pieces])
    w.add_add_space_prefix(True)
    w.add_remove_extra_whitespaces(True)
    w.add_precompiled_charsmap(proto.normalizer_spec.precompiled_charsmap)
    w.add_bos_token_id(1), w.add_eos_token_id(2), w.add_unk_token_id(0), w.add_pad_token_id(0)
    w.write_header_to_file(), w.write_kv_data_to_file(), w.close()
    return f"{folder}/uni.gguf", t, proto


def renamed(folder, path, pre):
    """The vocabulary under another pre-tokenizer."""
    one = read(path)
    out = f"{folder}/{pre}.gguf"
    w = gguf.GGUFWriter(out, "gpt2")
    w.add_tokenizer_model("gpt2"), w.add_tokenizer_pre(pre)
    w.add_token_list(one("tokens")), w.add_token_types(one("token_type")), w.add_token_merges(one("merges"))
    w.add_bos_token_id(one("bos_token_id")), w.add_eos_token_id(one("eos_token_id"))
    w.write_header_to_file(), w.write_kv_data_to_file(), w.close()
    return out


def bench(name, megabytes, peers):
    times, sums = {k: [] for k in peers}, {}
    for _ in range(ROUNDS + 1):  # the first warms every cache of words and is not counted
        for k, p in peers.items():
            s, sums[k] = p.run()
            times[k].append(s)
    for k in peers:
        times[k] = times[k][1:]
        mid = statistics.median(times[k])
        ratio = statistics.median(t / f for t, f in zip(times[k], times["fox"]))
        same = "" if sums[k] == sums["fox"] else f"other ids ({sums[k][0]:,} of them)"
        print(f"{name:24} {k:14} {megabytes / mid:8.2f} MB/s  fox is {ratio:5.2f} times as fast  {sums['fox'][0]:,} ids {same}", flush=True)


def main(folder, paths):
    docs = documents(folder)
    megabytes = sum(len(d.encode()) for d in docs) / 1e6
    print(f"{len(docs)} documents, {megabytes:.2f} MB")
    with tempfile.TemporaryDirectory() as tmp:
        with open(f"{tmp}/docs", "wb") as f:
            f.writelines(d.encode() + b"\0" for d in docs)
        for path in paths:
            one = read(path)
            name = os.path.basename(path).removeprefix("ggml-vocab-").removesuffix(".gguf")
            if one("model") == "llama":
                hf, proto = spm_peer(path)
                bench(name, megabytes, {"fox": Fox(path, f"{tmp}/docs"), "HF tokenizers": Hf(hf, docs), "llama.cpp": Llama(path, docs),
                                        "SentencePiece": Sp(proto, docs)})
                continue
            for pre, kind in {"gpt-2": [("", "gpt2")]}.get(one("pre"), [("", "deepseek"), ("qwen2", "qwen2"), ("llama-bpe", "llama3")]):
                p = renamed(tmp, path, pre) if pre else path
                bench(name + ("/" + pre if pre else ""), megabytes, {"fox": Fox(p, f"{tmp}/docs"),
                                                                     "HF tokenizers": Hf(bpe_peer(path, kind), docs), "llama.cpp": Llama(p, docs)})
        path, hf, proto = unigram(tmp, docs)
        bench("unigram 32000", megabytes, {"fox": Fox(path, f"{tmp}/docs"), "HF tokenizers": Hf(hf, docs), "llama.cpp": Llama(path, docs),
                                           "SentencePiece": Sp(proto, docs)})


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
