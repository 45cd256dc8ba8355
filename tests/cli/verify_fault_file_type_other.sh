# A file type of weights that no tensor has, and whose proof there is none.
. "$FOX_ROOT/tests/family.sh"
family fox1
bend good.gguf bad.gguf set general.file_type 2
fox-verify bad.gguf --source src -q
