# Phi-3: another factor on cosine and sine.
. "$FOX_ROOT/tests/family.sh"
family phi3_longrope
bend good.gguf bad.gguf set phi3.rope.scaling.attn_factor 1.0
fox-verify bad.gguf --source src -q
