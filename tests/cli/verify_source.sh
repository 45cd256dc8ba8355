# Sources that are not the container's: another value, other files, another config.json.
fox-convert -q "$FOX_ROOT/tests/demo" -o good.gguf >/dev/null
try() { echo "== $1"; fox-verify good.gguf --source src -q; echo "exit $?"; rm -rf src; fresh; }
fresh() { cp -r "$FOX_ROOT/tests/demo" src && chmod -R u+w src && rm -f src/reference.npz src/heldout.txt; }
config() { sed "$1" "$FOX_ROOT/tests/demo/config.json" >src/config.json; }
fresh
mkfault src/model.safetensors m value && mv m src/model.safetensors
try "a value"
rm src/generation_config.json
try "a file less"
echo '{"<new>": 2047}' >src/added_tokens.json
try "a file more"
rm src/tokenizer.model
try "no tokenizer.model"
head -c 100 "$FOX_ROOT/tests/demo/tokenizer.model" >src/tokenizer.model
try "half a tokenizer.model" 2>&1
rm src/config.json
try "no config.json" 2>&1
config 's/LlamaFor/GemmaFor/'
try "another class"
config 's/"rope_scaling": null/"rope_scaling": {"type": "linear", "factor": 2.0}/'
try "scaled angles"
config 's/"hidden_act": "silu"/"hidden_act": "gelu", "logit_softcap": 30/'
try "another activation, an unknown field"
config 's/"rope_theta": 10000.0/"rope_theta": 10000.0, "rope_parameters": {"rope_theta": 50000.0}/'
try "spellings that disagree"
config 's/"num_attention_heads": 8/"num_attention_heads": 3/'
try "heads that do not divide" 2>&1
config 's/"num_attention_heads": 8/"num_attention_heads": 8, "head_dim": 48/'
try "heads that are not whole"
config 's/"vocab_size": 2048/"vocab_size": 60000000/'
try "a vocabulary of millions"
config 's/"num_key_value_heads": 2,//;s/"tie_word_embeddings": true/"tie_word_embeddings": false/'
try "defaults"
echo '[]' >src/config.json
try "no object" 2>&1
sed 's/"BF16"/"I16" /' src/model.safetensors >m && mv m src/model.safetensors
try "a dtype without a proof" | grep -v source.file
sed 's/layers.1.mlp.down_proj.weight/layers.1.mlp.down_proj.weighx/' src/model.safetensors >m && mv m src/model.safetensors
mkfault good.gguf good.gguf.bad missing
mv good.gguf.bad good.gguf
try "a tensor that neither has" | grep -v source.file
