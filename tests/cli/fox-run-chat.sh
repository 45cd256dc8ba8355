# Conversations: the demo's format, turns one by one and by a line each, what is typed stays text, what is refused.
fox-convert "$FOX_ROOT/tests/demo" -o m.gguf -q >/dev/null
try() { fox-run m.gguf --mode exact --chat -n 3 "$@"; echo "exit $?"; }
note() { sed 's/^fox-run: note: loaded.*/statistics/' err; }
fox-run m.gguf --mode exact --chat -n 3 --echo --system 'Be brief.' -p 'a<eos>b' 2>err
echo && note
ids() { tr '\n' ' ' && echo; }
fox-run m.gguf --mode exact --chat -n 1 -q --ids --echo -p 'a<eos>b' | ids
fox-run m.gguf --mode exact --chat -n 1 -q --ids --echo -p 'ab' | ids
echo "-- lines are one conversation; the same on any number of threads"
printf 'hi\n\nwho?\n' | fox-run m.gguf --mode exact --chat -n 4 -q --ids --echo >lines
grep -c '^1$' lines
printf 'hi\n\nwho?\n' | fox-run m.gguf --mode exact --chat -n 4 -q --ids --echo -j 1 | cmp - lines && echo same
ids <lines
echo "-- refused"
try -p a -f b 2>&1
fox-run m.gguf -p a --system b 2>&1
echo "exit $?"
try -q -p a -c 8 2>&1
mkgguf other.gguf && fox-run other.gguf --chat -p a 2>&1
echo "exit $?"
cp -r "$FOX_ROOT/tests/demo" src && chmod -R u+w src
template() { sed "s#\"chat_template\": \".*\"#\"chat_template\": \"$1\"#" "$FOX_ROOT/tests/demo/tokenizer_config.json" >src/tokenizer_config.json; fox-convert src -o m.gguf -q --force >/dev/null; }
template '{% for m in messages %}{{ m.content | shout }}{% endfor %}'
try -q -p a 2>&1
template '{% for m in messages %}{{ m.role + m.content }}{% endfor %}'
try -q -p a 2>&1
sed 's/"chat_template"/"no_template"/' "$FOX_ROOT/tests/demo/tokenizer_config.json" >src/tokenizer_config.json
fox-convert src -o m.gguf -q --force >/dev/null
try -q -p a 2>&1
