# The man page of every tool is clean roff.
command -v groff >/dev/null || { echo "skip: no groff"; exit 77; }
bin=$(dirname "$(command -v fox-run)")
for tool in "$bin"/fox-*; do
	"$tool" --generate man fox-run fox-verify >page
	groff -ww -man -Tascii -z page 2>&1 # a font missing, a macro unknown, an odd escape are said here
	if command -v mandoc >/dev/null; then # a page without a date is what equal bytes need
		mandoc -T lint -W warning page | grep -v 'missing date'
	fi
done
exit 0
