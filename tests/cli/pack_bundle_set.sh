# Archives and layouts of a model in shards: all of them are in it, and a shard that is missing or of another set is found.
unset SOURCE_DATE_EPOCH
mkdir in other && mkgguf one.gguf && mkgguf two.gguf f32 value
fox-pack split one.gguf --max-tensors 8 -o in/m -q >/dev/null
fox-pack split two.gguf --max-tensors 8 -o other/m -q >/dev/null
try() {
	"$@" -q >out 2>err
	echo "$? $(cat err)$(sed -n 's/^files  *//p; s/^layers  *//p' out)"
}
fox-pack bundle in/m-00001-of-00003.gguf -o s.tar -q >/dev/null
tar -tf s.tar
tar -xOf s.tar s/README.md | sed -n '/^## Files/,/^## Where/p'
tar -xOf s.tar s/manifest.json | grep '"file"\|"name"\|"root"\|"set"'
try fox-pack unpack s.tar
cmp s/m-00003-of-00003.gguf in/m-00003-of-00003.gguf && fox-verify s/m-00001-of-00003.gguf -q && fox-pack merge s/m-00001-of-00003.gguf -o merged.gguf -q >/dev/null &&
	cmp merged.gguf one.gguf && echo 'merged again: the same file'
try fox-pack oci in/m-00001-of-00003.gguf -o lay
grep -l weight.v1.raw lay/blobs/sha256/* | xargs grep -c weight.v1.raw
echo "== refused"
try fox-pack bundle in/m-00002-of-00003.gguf -o t.tar
cp -r in bad && rm bad/m-00003-of-00003.gguf && try fox-pack bundle bad/m-00001-of-00003.gguf -o t.tar
cp other/m-00003-of-00003.gguf bad/ && try fox-pack bundle bad/m-00001-of-00003.gguf -o t.tar
cp in/m-00003-of-00003.gguf bad/ && printf '?' | dd of=bad/m-00003-of-00003.gguf bs=1 seek=40000 conv=notrunc 2>/dev/null
try fox-pack bundle bad/m-00001-of-00003.gguf -o t.tar
# after this the folder s is gone
repack() { (cd s && sha256sum $(ls | grep -v SHA256SUMS) >SHA256SUMS) && tar --sort=name -cf t.tar s && rm -r s && try fox-pack unpack t.tar; }
mv s/m-00002-of-00003.gguf kept && sed -i '/"name": "m-00002/,/"root"/d; ' s/manifest.json && sed -i ':a;N;$!ba;s/{\n *},\n *//' s/manifest.json && repack
fox-pack unpack s.tar -q >/dev/null
cp other/m-00002-of-00003.gguf s/ && rm s/manifest.json && repack
fox-pack unpack s.tar -q >/dev/null
new=$(sha256sum <other/m-00002-of-00003.gguf | cut -d' ' -f1) && old=$(sha256sum <in/m-00002-of-00003.gguf | cut -d' ' -f1)
cp other/m-00002-of-00003.gguf s/ && sed -i "s/$old/$new/; /\"name\": \"m-00002/,/}/{s/\(\"sha256\".*\),$/\1/;/\"root\"/d}" s/manifest.json && repack
ls
