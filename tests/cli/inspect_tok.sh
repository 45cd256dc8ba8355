# The tokenizer: what it is, text to ids, ids to text, bytes that are no character, flags.
mkgguf m.gguf
fox-inspect tok m.gguf
fox-inspect tok m.gguf -e 'the fox in A.'
fox-inspect tok m.gguf -b -e 'the'
fox-inspect tok m.gguf -s -e 'the</s>'
fox-inspect tok m.gguf -e ''
fox-inspect tok m.gguf -d '1,263, 267 198'
fox-inspect tok m.gguf -d '1 300'
echo "exit $?"
fox-inspect tok m.gguf -d '1 x'
echo "exit $?"
fox-inspect tok m.gguf -e a -d 1
