# A layout that fox-pack oci writes, in the hands of skopeo.
command -v skopeo >/dev/null || { echo 'skip: no skopeo here' && exit 77; }
export HOME="$PWD"
mkgguf tiny.gguf && printf 'The licence.\n' >LICENSE && printf 'a\n' >'a b.txt'
fox-pack oci tiny.gguf 'a b.txt' -o lay --tag v1 -q >/dev/null
skopeo inspect --raw oci:lay:v1 >raw || exit 1
cmp raw "lay/blobs/sha256/$(sha256sum <raw | cut -d' ' -f1)" && echo 'inspect: the manifest'
skopeo copy --insecure-policy -q oci:lay:v1 oci:copy:v1 || exit 1
diff -r lay/blobs copy/blobs && echo 'copy: the same blobs'
# what is damaged does not pass there either
for blob in lay/blobs/sha256/*; do [ "$(wc -c <"$blob")" -lt 100000 ] || printf '?' | dd of="$blob" bs=1 seek=300000 conv=notrunc 2>/dev/null; done
skopeo copy --insecure-policy -q oci:lay:v1 oci:copy2:v1 2>/dev/null || echo 'copy: refused'
