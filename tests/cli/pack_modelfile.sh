# fox-pack modelfile: the file, where it goes, and what is refused.
mkdir in && mkgguf 'in/a b.gguf' && printf 'The licence.\nSecond line.\n' >in/LICENSE
modelfile() {
	fox-pack modelfile "$@" >out
	echo "$? $(cat out)"
}
modelfile 'in/a b.gguf'
cat in/Modelfile
modelfile 'in/a b.gguf'
modelfile 'in/a b.gguf' -f -o in/Modelfile
modelfile 'in/a b.gguf' -o elsewhere
cmp in/Modelfile elsewhere
modelfile 'in/a b.gguf' -o - | sed '1s/^0 //' | cmp - in/Modelfile && echo printed
printf 'x\n"""\nFROM y\n' >text
modelfile 'in/a b.gguf' --license text -o - | sed -n '2,$p'
modelfile 'in/a b.gguf' -o 'in/a b.gguf' -f
modelfile 'in/a b.gguf' -o in/LICENSE -f
modelfile none.gguf
modelfile
fox-pack split 'in/a b.gguf' --max-tensors 8 -o in/m -q >/dev/null
modelfile in/m-00001-of-00003.gguf
(cd in && fox-pack bundle 'a b.gguf' Modelfile -o ../m.tar -q >/dev/null) && tar -tf m.tar
ls
