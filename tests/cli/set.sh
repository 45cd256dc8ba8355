# fox-convert set: keys of a container, in place and anew; what is refused; what stays.
demo=$FOX_ROOT/tests/demo
fox-convert "$demo" -q -t q8_0 -o old.gguf >/dev/null
cp old.gguf m.gguf
set_() {
	fox-convert set "$@" 2>&1
	code=$?
	[ $code = 0 ] || echo "exit $code"
}
proven() { fox-verify "$1" | tail -1; }
# the data begins where it did, and is what it was
data() { tail -c 4121600 "$1" | cmp - data && echo "same data, $(wc -c <"$1") bytes"; }
tail -c 4121600 old.gguf >data
echo "== one, several, and back"
set_ general.name='Fox
two' m.gguf
set_ llama.context_length=4096 llama.rope.freq_base:f64=1e6 'new.list:arr[u32]=[1,2,3]' 'new.words:arr[str]=["a","b"]' new.flag:bool=true m.gguf
proven m.gguf
data m.gguf
fox-inspect keys m.gguf | grep '^new\|fox.edit.keys\|context_length\|freq_base'
set_ --rename new.flag=newer.flag -d new.list --remove new.words m.gguf
set_ -d newer.flag general.name=Llama llama.context_length=1024 llama.rope.freq_base:f32=10000 m.gguf
cmp m.gguf old.gguf && echo "equal to what it was"
set_ general.name=Llama m.gguf
echo "== a name for another, and back"
set_ --rename general.license=general.licence m.gguf
proven m.gguf
set_ --rename general.licence=general.license m.gguf
cmp m.gguf old.gguf && echo "equal to what it was"
echo "== a file as the value"
printf '{{ bos_token }}%s' '{% for m in messages %}{{ m.content }}{% endfor %}' >t.jinja
set_ tokenizer.chat_template=@t.jinja m.gguf
fox-verify m.gguf -q --source "$demo" | grep 'edited\|template\|proven$'
fox-inspect keys m.gguf | grep '^fox.edit.keys'
echo "== no room: the whole file anew"
head -c 40000 /dev/zero | tr '\0' x >long
chmod 640 m.gguf
set_ tokenizer.chat_template=@long -n m.gguf
set_ tokenizer.chat_template=@long m.gguf
proven m.gguf
data m.gguf
stat -c %a m.gguf
set_ tokenizer.chat_template=@t.jinja m.gguf
proven m.gguf
echo "== another file"
set_ general.name=Other -o o.gguf old.gguf
proven o.gguf
set_ general.name=Other -o o.gguf old.gguf
set_ general.name=Other -o o.gguf -f old.gguf
set_ general.name=Other -o old.gguf -f old.gguf
ln -s old.gguf link.gguf
set_ general.name=Other link.gguf
set_ general.name=Other -o o2.gguf link.gguf
cmp o.gguf o2.gguf
echo "== files of others"
mkgguf -raw v2.gguf v2
set_ general.name=Other general.author:str=me v2.gguf
proven v2.gguf
mkgguf -raw be.gguf be
set_ general.name=Other be.gguf
set_ split.count:u16=2 m.gguf
echo "== refused, and nothing changed"
cp old.gguf m.gguf
set_
set_ m.gguf
set_ general.name m.gguf
set_ general.name=a general.name=b m.gguf
set_ general.name=a -d general.name m.gguf
set_ absent=1 m.gguf
set_ -d absent m.gguf
set_ --rename general.name m.gguf
set_ --rename absent=x m.gguf
set_ --rename general.name=general.license m.gguf
set_ llama.context_length=-1 m.gguf
set_ llama.context_length=abc m.gguf
set_ 'x:arr[u8]=[1,2' m.gguf
set_ general.alignment:u32=64 m.gguf
set_ fox.profile=2 m.gguf
set_ -d fox.source.sha256 m.gguf
set_ --rename general.name=fox.name m.gguf
set_ llama.block_count=5 m.gguf
set_ -d tokenizer.ggml.tokens m.gguf
set_ general.name=@none m.gguf
set_ general.name=a none.gguf
set_ general.name=a .
set_ --recover general.name=a m.gguf
set_ --recover m.gguf -n
cmp m.gguf old.gguf
set_ llama.block_count=5 --allow-breaking -n m.gguf
cmp m.gguf old.gguf
ln m.gguf hard.gguf
set_ general.name=a m.gguf
rm hard.gguf
mkfault m.gguf bad.gguf bit-key
cp bad.gguf bad2.gguf
set_ general.name=a bad.gguf
mkfault m.gguf bad.gguf bit-data
set_ general.name=a -o bad-out.gguf bad.gguf
echo "== nothing was interrupted"
set_ --recover m.gguf
ls
