# Wrong usage and unreadable models: one line each, exit status by kind.
try() {
	fox-run "$@"
	echo "exit $?"
}
try
try model.gguf
try model.gguf -p text -f file
try model.gguf -p text --kv q4_0
try model.gguf -p text -n many
try model.gguf -p text -c 0
try model.gguf -p text --temp warm
try absent.gguf -p text
printf 'a checkpoint' >text.gguf
try text.gguf -p text
