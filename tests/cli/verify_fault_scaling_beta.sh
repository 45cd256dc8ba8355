# Qwen3: another end of the ramp of yarn.
. "$FOX_ROOT/tests/family.sh"
family qwen3_yarn
bend good.gguf bad.gguf set qwen3.rope.scaling.yarn_beta_fast 16.0
fox-verify bad.gguf --source src -q
