# Gemma 2: another cap on the scores.
. "$FOX_ROOT/tests/family.sh"
family gemma2
bend good.gguf bad.gguf set gemma2.attn_logit_softcapping 6.0
fox-verify bad.gguf --source src -q
