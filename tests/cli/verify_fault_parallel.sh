# StableLM: the key says that blocks are serial.
. "$FOX_ROOT/tests/family.sh"
family stablelm_parallel
bend good.gguf bad.gguf set stablelm.use_parallel_residual false
fox-verify bad.gguf --source src -q
