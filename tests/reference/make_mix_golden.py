#!/usr/bin/env python3
"""Write tests/golden/mixes.txt: which type llama-quantize gives each tensor of some thirty models under every file type.

  pip install gguf==0.19.0 numpy==2.4.6
  python3 tests/reference/make_mix_golden.py LLAMA_CPP_BUILD tests/golden/mixes.txt

LLAMA_CPP_BUILD: a build of llama.cpp at commit 0c1e57098bba43ac29e6e3b677cdceebdd22334f (bin/llama-quantize). The format:
tests/mix_text.h. Options that llama-quantize treats otherwise than fox on purpose (spec/recipe.md 7) do not occur.
"""
import sys

from mix_models import COMMIT, FTYPES, ROWS, Model, dense, m, scratch, tool_of

PLAIN = [f for f in FTYPES if f not in ("Q1_0", "COPY")]  # Q1_0 has no fallback there: it stops
IMP = ["Q2_K_S", "IQ3_XXS", "IQ3_M", "IQ4_NL", "IQ4_XS", "Q4_0", "Q5_0", "Q4_K_M", "Q3_K_M"]
FEW = ["Q2_K", "Q3_K_S", "Q3_K_M", "Q3_K_L", "Q4_K_S", "Q4_K_M", "Q5_K_M", "IQ4_XS", "IQ2_M", "IQ3_M"]


def bare(d, ff, **more):
    return dense(d, ff, norms=False, **more)


def models():
    """(lines, runs) of each."""
    every = PLAIN + [f + " imp" for f in IMP]
    yield m("fox-demo", "llama", 6, 0, 8, 2, dense(256, 512, out=False)), every + ["Q1_0", "COPY"]
    yield m("fox-1", "llama", 32, 0, 16, 4, bare(2048, 5632, out=False)), every
    yield m("llama-7b", "llama", 32, 0, 32, 32, bare(4096, 11008)), every
    yield m("llama-3-8b", "llama", 32, 0, 32, 8, bare(4096, 14336)), every
    yield m("llama-3-70b", "llama", 80, 0, 64, 8, bare(8192, 28672)), PLAIN
    for arch, n, kv in ("llama", 80, 64), ("qwen2", 80, 8), ("qwen2", 80, 64), ("deci", 80, 8), ("olmo", 80, 64), (
            "jais2", 68, 8), ("jais2", 80, 8), ("qwen3", 80, 8), ("llama-embed", 80, 8):
        lines = [x for x in bare(8192, 28672) if "attn_v" in x or "ffn_down" in x]
        yield m(f"wide-{arch}", arch, n, 0, 64, kv, lines), ["Q4_K_M", "Q2_K", "Q3_K_S"]
    yield m("gemma-2b", "gemma", 18, 0, 8, 1, bare(2048, 16384, out=False)), FEW
    yield m("gemma2-2b", "gemma2", 26, 0, 8, 4, bare(2304, 9216, q=2048, out=False)), FEW
    yield m("gemma3-1b", "gemma3", 26, 0, 4, 1, bare(1152, 6912, q=1024, out=False)), every
    yield m("qwen2-0.5b", "qwen2", 24, 0, 14, 2, bare(896, 4864, out=False)), every
    yield m("qwen3-0.6b", "qwen3", 28, 0, 16, 8, bare(1024, 3072, q=2048)), FEW
    yield m("stablelm-3b", "stablelm", 32, 0, 32, 32, bare(2560, 6912)), FEW
    yield m("openelm-270m", "openelm", 16, 0, 12, 3, [
        f"t token_embd.weight f16 1280 {ROWS}", f"t blk.*.attn_qkv.weight f16 1280 {ROWS}",
        f"t blk.0-3.attn_output.weight f16 768 {ROWS}", f"t blk.4-15.attn_output.weight f16 1152 {ROWS}",
        f"t blk.*.ffn_gate.weight f16 1280 {ROWS}", f"t blk.*.ffn_up.weight f16 1280 {ROWS}",
        f"t blk.0-7.ffn_down.weight f16 1792 {ROWS}", f"t blk.8-15.ffn_down.weight f16 4096 {ROWS}"]), FEW
    yield m("phi3-mini", "phi3", 32, 0, 32, 32, bare(3072, 8192, fused=True, gate=False)), every
    yield m("olmo2-1b", "olmo2", 16, 0, 16, 16, bare(2048, 8192)), FEW
    yield m("bloom-560m", "bloom", 24, 0, 16, 16, [
        "t token_embd_norm.weight f32 1024", "t blk.*.attn_qkv.bias f32 3072"] +
        bare(1024, 4096, out=False, fused=True, gate=False)), FEW
    yield m("gpt2", "gpt2", 12, 0, 12, 12, [f"t position_embd.weight f32 768 {ROWS}"] +
            bare(768, 3072, fused=True, gate=False)), FEW
    yield m("falcon-7b", "falcon", 32, 0, 71, 1, bare(4544, 18176, fused=True, gate=False)), every
    yield m("falcon-40b", "falcon", 60, 0, 128, 8, bare(8192, 32768, fused=True, gate=False)), PLAIN
    yield m("falcon-experts", "falcon", 16, 8, 32, 8, bare(1024, 2048, experts=8)), FEW
    yield m("mixtral", "llama", 32, 8, 32, 8, bare(4096, 14336, experts=8)), every
    split = [f"t blk.*.ffn_{x}.{e}.weight f16 {c} {ROWS}" for x, c in (("gate", 1024), ("up", 1024), ("down", 3584))
             for e in range(8)]
    yield m("mixtral-split", "llama", 16, 8, 32, 8, [x for x in bare(1024, 3584) if "ffn" not in x] + split), FEW
    yield m("qwen3-moe", "qwen3moe", 48, 128, 32, 4, bare(2048, 768, q=4096, experts=128)), every
    yield m("gpt-oss", "gpt-oss", 24, 32, 64, 8, bare(2880, 2880, q=4096, experts=32)), FEW + ["MXFP4_MOE"]
    yield m("four-experts", "llama", 8, 4, 8, 8, bare(512, 1024, experts=4)), every
    yield m("deepseek2", "deepseek2", 27, 64, 16, 16, [
        f"t token_embd.weight f16 2048 {ROWS}", f"t output.weight f16 2048 {ROWS}", f"t blk.*.attn_q.weight f16 2048 {ROWS}",
        f"t blk.*.attn_kv_a_mqa.weight f16 2048 {ROWS}", f"t blk.*.attn_kv_b.weight f16 512 {ROWS}",
        f"t blk.*.attn_k_b.weight f16 128 {ROWS} 16", f"t blk.*.attn_v_b.weight f16 512 {ROWS} 16",
        f"t blk.*.attn_output.weight f16 2048 {ROWS}", f"t blk.0-0.ffn_gate.weight f16 2048 {ROWS}",
        f"t blk.0-0.ffn_up.weight f16 2048 {ROWS}", f"t blk.0-0.ffn_down.weight f16 10944 {ROWS}",
        "t blk.1-26.ffn_gate_inp.weight f32 2048 64", f"t blk.1-26.ffn_gate_exps.weight f16 2048 {ROWS} 64",
        f"t blk.1-26.ffn_up_exps.weight f16 2048 {ROWS} 64", f"t blk.1-26.ffn_down_exps.weight f16 1408 {ROWS} 64",
        f"t blk.1-26.ffn_down_shexp.weight f16 2816 {ROWS}", "t blk.1-26.exp_probs_b.bias f32 64"]), every
    odd = [f"t token_embd.weight f16 100 {ROWS}", f"t output.weight f16 96 {ROWS}"]
    odd += [f"t blk.*.{n}.weight f16 {c} {ROWS}" for n, c in (
        ("attn_q", 32), ("attn_k", 33), ("attn_v", 1), ("attn_output", 288), ("ffn_gate", 31), ("ffn_up", 320),
        ("ffn_down", 100), ("other", 192))]
    yield m("odd-rows", "llama", 8, 0, 4, 4, odd), [f for f in every if "Q2_0" not in f]
    sixty = [f"t token_embd.weight f16 64 {ROWS}", f"t blk.*.attn_v.weight f16 128 {ROWS}", f"t blk.*.x.weight f16 160 {ROWS}"]
    yield m("q2-rows", "llama", 4, 0, 4, 4, sixty), ["Q2_0", "TQ2_0", "Q2_0 pure"]
    names = """blk.0.ffn_gate_inp.weight blk.0.ffn_gate_tid2eid.weight blk.0.altup_proj.weight blk.0.laurel_l.weight
        per_layer_model_proj.weight position_embd.weight token_types.weight blk.0.position_embd.weight
        blk.0.ssm_conv1d.weight blk.0.shortconv.conv.weight blk.0.indexer.k_proj.weight blk.0.indexer.q_proj.weight
        blk.0.time_mix_first.weight blk.0.time_mix_w0.weight blk.0.time_mix_w1.weight blk.0.time_mix_w2.weight
        blk.0.time_mix_v0.weight blk.0.time_mix_v1.weight blk.0.time_mix_v2.weight blk.0.time_mix_a0.weight
        blk.0.time_mix_a1.weight blk.0.time_mix_a2.weight blk.0.time_mix_g1.weight blk.0.time_mix_g2.weight
        blk.0.time_mix_decay_w1.weight blk.0.time_mix_decay_w2.weight blk.0.time_mix_lerp_fused.weight
        blk.0.time_mix_key.weight blk.0.attn_rel_b.weight sam.pos_embd.weight sam.neck.0.weight sam.net_2.weight
        v.rel_pos.weight v.patch_embd.weight v.patch_merger.weight a.rvq.codebook.weight mm.a.code_embd.weight
        blk.0.attn_q_norm.weight blk.0.ffn_up.bias token_embd_norm.weight blk.0.attn_qkv.scale cls.weight weight
        per_layer_token_embd.weight blk.0.hc_x.weight blk.0.indexer.attn_q_b.weight blk.0.indexer.attn_k.weight
        blk.0.indexer.proj.weight blk.0.attn_kv_a_mqa.weight blk.0.attn_q_a.weight blk.0.nextn.eh_proj.weight""".split()
    some = [f"t {n} f16 256 {ROWS}" for n in names]
    shapes = ["t blk.0.a.weight f16 256 1", "t blk.0.b.weight f16 256 1 1", "t blk.0.c.weight f16 256 1 3",
              "t blk.0.d.weight f16 256 1 1 2", "t blk.0.e.weight f16 256", "t blk.0.f.weight f32 256 2",
              "t blk.0.g.weight q8_0 256 2", "t blk.0.h.weight q4_0 256 2"]
    for i in range(0, len(some), 26):
        yield m(f"names-{i}", "llama", 1, 0, 4, 4, some[i:i + 26]), ["Q4_K_M", "Q8_0", "F16"]
    yield m("shapes", "llama", 1, 0, 4, 4, shapes), ["Q4_K_M", "Q8_0", "F32", "COPY", "MXFP4_MOE"]
    yield m("glm5-next", "glm5-next", 8, 8, 16, 16, [f"t token_embd.weight f16 512 {ROWS}"] + [
        f"t blk.*.{n}.weight f16 512 {ROWS}" for n in (
            "attn_q_a", "attn_q_b", "attn_kv_a_mqa", "nextn.eh_proj", "hc_base", "indexer.attn_q_b", "indexer.proj",
            "ssm_f_a", "ssm_f_b", "ssm_g_a", "ssm_g_b", "ssm_beta", "indexer.attn_k", "indexer_compressor_gate",
            "indexer_compressor_ape", "attn_output")] + [
        f"t blk.*.attn_k_b.weight f16 128 {ROWS} 16", f"t blk.*.attn_v_b.weight f16 512 {ROWS} 16",
        f"t blk.*.ffn_down_exps.weight f16 512 {ROWS} 8"]), [
            "Q4_K_M", "Q2_K", "MXFP4_MOE", "F16", "Q4_K_M pure"]
    yield m("bailingmoe3", "bailingmoe3", 8, 16, 16, 4, bare(512, 512, experts=16) + [
        f"t blk.*.attn_k_b.weight f16 128 {ROWS} 16"]), ["MXFP4_MOE", "Q4_K_M"]

    ruled = bare(512, 1024) + [f"t per_layer_token_embd.weight f16 256 {ROWS}"]
    options = """Q4_K_M pure; Q4_K_M leave; Q4_K_M out=f16; Q4_K_M emb=q8_0; Q4_K_M out=q5_k emb=q3_k imp; Q8_0 out=q6_k; F16 out=q8_0
        F16 emb=q6_k; Q4_K_M pure out=q8_0; Q2_K pure imp; MXFP4_MOE pure; MXFP4_MOE emb=q4_k; IQ4_NL pure emb=bf16
        Q4_K_M rule=attn_v=q8_0; Q4_K_M rule=ATTN_V=Q8_0; Q4_K_M rule=attn_(q|k)\\.=f16; Q4_K_M rule=blk\\.[0-3]\\.=q6_K
        Q4_K_M rule=^blk\\.\\d\\.ffn_down\\.weight$=bf16 rule=ffn=q3_k; Q4_K_M rule=ffn=q3_k rule=ffn_down=q8_0
        Q4_K_M rule=attn=q4_k rule=blk.0.=q8_0 pure; Q4_K_M rule=output=q8_0 emb=q5_k; Q4_K_M rule=token_embd=q2_k emb=q5_k
        Q4_K_M rule=per_layer=iq4_nl emb=q5_k; Q4_K_M rule=per_layer=iq4_nl; Q4_K_M rule=norm=q8_0; Q4_K_M leave rule=output=q8_0
        Q3_K_M rule=ffn_down=q3_k; Q3_K_M rule=blk\\.0\\.attn_v=q8_0; Q2_K rule=(blk\\.(?:1|3)\\.)attn.*\\1?=f32
        Q5_K_M rule=v\\.weight$=q4_0 out=q8_0; Q8_0 rule=nothing=q4_0; COPY rule=ffn=q8_0; COPY out=q8_0
        Q4_K_M rule=[[:digit:]]\\.attn_[^qk]=iq4_xs; Q4_K_M rule=\\bffn_[a-z]{4}\\b=q5_1"""
    yield m("options", "llama", 8, 0, 8, 4, ruled), [o.strip() for x in options.split("\n") for o in x.split("; ")]
    yield m("options-tied", "gemma2", 8, 0, 8, 4, [x for x in ruled if not x.startswith("t output")]), [
        "Q4_K_M out=f16", "Q4_K_M emb=q8_0", "Q4_K_M out=q5_k emb=q3_k", "Q4_K_M out=q8_0 pure", "Q4_K_M leave",
        "Q4_K_M rule=per_layer=q2_k emb=q5_k", "Q4_K_M rule=per_layer=q2_k out=q5_k", "Q4_K_M rule=token_embd=iq4_nl",
        "MXFP4_MOE out=q6_k"]
    yield m("options-odd", "llama", 4, 0, 8, 4, bare(96, 160)), [
        "Q4_K_M rule=ffn_down=q6_k", "Q4_K_M pure", "Q8_0 rule=ffn_down=iq4_xs", "Q8_0 pure rule=attn_v=q3_k rule=k=q5_k"]


def main(build, path):
    tool, folder, out = tool_of(build), scratch(), []
    for lines, runs in models():
        model = Model(lines, folder.name)
        model.write()
        out += lines + [model.run(tool, r) for r in runs]
        print(lines[0], len(runs), "runs")
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"# types that llama-quantize of llama.cpp {COMMIT[:12]} chooses: tests/reference/make_mix_golden.py\n")
        f.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
