# config.json in the spelling of transformers v5, fields that change what a model computes, a dtype and a pointer that are refused by name.
demo=$FOX_ROOT/tests/demo
cp -r "$demo" v4
fox-convert v4 -q --name Demo -o v4.gguf >/dev/null
cp -r v4 v5
sed -e 's/"torch_dtype"/"dtype"/' -e '/"rope_scaling"/d' \
	-e 's/"rope_theta": 10000.0/"rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"}/' v4/config.json >v5/config.json
grep -c 'rope_parameters\|"dtype"' v5/config.json
echo "== v5"
fox-convert v5 -q --name Demo -o v5.gguf >/dev/null
echo $?
fox-inspect diff v4.gguf v5.gguf | sed -n 's/^\([a-z.0-9]*\)  *a .*/\1/p;$p'
fox-verify v5.gguf -s v5 -q
echo $?
try() {
	rm -rf bad && cp -r v5 bad && sed "$1" v5/config.json >bad/config.json
	cmp -s v5/config.json bad/config.json && echo "sed changed nothing: $1"
	fox-convert bad -q -o bad.gguf
	echo $?
}
echo "== refused"
try 's/"rope_type": "default"/"rope_type": "dynamic", "factor": 8.0/'
try 's/"rope_type": "default"/"rope_type": "llama3", "factor": 8.0/'
try 's/"hidden_act": "silu"/"hidden_act": "gelu"/'
try 's/"attention_bias": false/"attention_bias": true/'
try 's/"attention_bias"/"attention_flavour"/'
try 's/"use_cache"/"rope_theta": 500000.0, "use_cache"/'
try 's/LlamaForCausalLM/OtherForCausalLM/'
try 's/"num_hidden_layers": 6/"num_hidden_layers": 5/'
echo "== dtype"
LC_ALL=C sed 's/"dtype":"BF16","shape":\[2048,256\]/"dtype":"I16" ,"shape":[2048,256]/' v5/model.safetensors >bad/model.safetensors
cp v5/config.json bad
fox-convert bad -q -o bad.gguf
echo $?
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:%064d\nsize 7745928\n' 7 >bad/model.safetensors
fox-convert bad -q -o bad.gguf
echo $?
ls -A
