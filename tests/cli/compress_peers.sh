# The hash that fox-pack prints is the one that xxhsum finds.
command -v xxhsum >/dev/null || { echo 'skip: xxhsum is not installed' && exit 77; }
mkgguf m.gguf bf16
said=$(fox-pack compress m.gguf | sed -n 's/^xxh3-128  *//p')
[ "$said" = "$(xxhsum -q -H128 m.gguf | cut -d' ' -f1)" ] && echo same
