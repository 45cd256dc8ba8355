#!/bin/sh
# The public headers, one a line: those of format/, kernels/ and runtime/ whose first comment calls them neither "private to"
# something nor "inside" of it.  usage: public.sh, from the root
for f in format/*.h format/base/*.h kernels/*.h runtime/*.h; do
	awk '/[Pp]rivate to|[-] inside /{hit = 1} /\*\//{exit} END{exit hit}' "$f" && echo "$f"
done
exit 0
