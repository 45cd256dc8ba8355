"""Print the tables of tests/unit/t_naming.c: how gguf-py takes model ids apart and labels sizes.

usage: pip install gguf==0.19.0 && python make_naming_golden.py
"""
import gguf

IDS = [
    ("tensoropera/Fox-1-1.6B", 1665271808), ("tensoropera/Fox-1-1.6B-Instruct-v0.1", 1665271808),
    ("meta-llama/Llama-2-7b-hf", 6738415616), ("mistralai/Mixtral-8x7B-Instruct-v0.1", 46702792704),
    ("NousResearch/Hermes-2-Theta-Llama-3-8B", 8000000000), ("bigscience/bloom-7b1-petals", 7069016064),
    ("stabilityai/stablelm-2-1_6b", 1644515328), ("Qwen/Qwen1.5-1.8B", 1836828672),
    ("NousResearch/Yarn-Llama-2-7b-128k", 6738415616), ("HuggingFaceTB/SmolLM2-135M", 134515008),
    ("google/gemma-2b", 2506172416), ("openai-community/gpt2-large", 774030080), ("model", 1000),
    ("My nice model", 1000), ("microsoft/Phi-3-mini-4k-instruct", 3821079552), ("x/foo-Q4_K_M", 100000),
    ("org/a--b-7B", 7000000000), ("deepseek-ai/DeepSeek-V2-Lite", 15706484224), ("x/small-1B-large", 1000000000),
    ("openlm-research/open_llama_3b_v2", 3426473600), ("./local-1B", 1000000000),
    ("x/Llama-iter2-7B-7B-chat", 7000000000),
]
SIZES = [
    0, 1, 999, 1000, 1500, 9949, 9950, 9999, 10000, 99500, 999999, 1000000, 1000001, 3869952, 9950000, 134515008,
    999999999, 1000000000, 1000000001, 1665271808, 2506172416, 9949999999, 9950000001, 70553706496, 1000000000001,
    1500, 2500, 500, 499, 949, 950,
]

for model_id, n in IDS:
    full, org, base, tune, version, size = gguf.Metadata.get_model_id_components(model_id, n)
    title = gguf.Metadata.id_to_title(full)
    fields = ", ".join('"%s"' % (x or "") for x in (full, org, base, size, tune, version, title))
    print('    {"%s", %dull, %s},' % (model_id, n, fields))
for n in SIZES:
    print('    {%dull, "%s"},' % (n, gguf.size_label(n, n, 0, 0)))
