# Gemma 2: another cap on the logits.
. "$FOX_ROOT/tests/family.sh"
family gemma2
bend good.gguf bad.gguf set gemma2.final_logit_softcapping 30.0
fox-verify bad.gguf --source src -q
