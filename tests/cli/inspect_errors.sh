# Exit codes: 1 cut or damaged, 2 usage, 3 unreadable, 4 unsupported. Standard output stays empty.
mkgguf m.gguf
try() { fox-inspect "$@" >out; echo "exit $?, $(wc -c <out) bytes" >&2; }
head -c 30000 m.gguf >cut.gguf
cp m.gguf damaged.gguf
printf 'W' | dd of=damaged.gguf bs=1 seek="$(grep -abo 'Tiny Fox' m.gguf | head -1 | cut -d: -f1)" conv=notrunc 2>/dev/null
echo FUGG >magic.gguf
: >empty.gguf
try cut.gguf
fox-inspect damaged.gguf | grep hashes >&2
try damaged.gguf
try
try nix m.gguf
try keys
try tensor m.gguf
try diff m.gguf
try summary m.gguf m.gguf
try m.gguf -c 5
try memory m.gguf -c 4294967296
try m.gguf --nix
try magic.gguf
try empty.gguf
try absent.gguf
try .
try diff m.gguf absent.gguf
try arch nix
{ cat "$FOX_ROOT/tests/fuzz/corpus/inspect/llama.gguf" && head -c 256 /dev/zero; } >q8_1.gguf
printf '\011' | dd of=q8_1.gguf bs=1 seek=6932 conv=notrunc 2>/dev/null # the type of its last tensor
try tensor q8_1.gguf k
fox-inspect keys m.gguf >/dev/full
