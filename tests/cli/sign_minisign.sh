# fox verifies what minisign signed, prehashed and not; minisign and fox refuse the same changes. The key is new each time.
command -v minisign >/dev/null || { echo "skip: no minisign"; exit 77; }
minisign -G -W -p key.pub -s key >/dev/null 2>&1 || { echo "skip: minisign makes no keys without a password"; exit 77; }
printf 'one\n' >one
fox-pack sign -q one -o SHA256SUMS
line=$(tail -1 key.pub)
judge() {
	minisign -Vqm SHA256SUMS -P "$line" >/dev/null 2>&1 && echo "minisign: verified" || echo "minisign: refused"
	fox-verify SHA256SUMS --key "$line" -q | sed "s/[0-9A-F]\{16\}/ID/g"
	fox-verify SHA256SUMS --key key.pub -q >/dev/null 2>&1
	echo "exit $?"
}
for how in -H -l; do
	case $how in -H) minisign -S -W -s key -m SHA256SUMS -t 'trusted words' ;; *) minisign -S -W -l -s key -m SHA256SUMS -t 'trusted words' ;; esac >/dev/null
	echo "# $how"
	judge
	cp SHA256SUMS.minisig good
	sed 's/^untrusted.*/untrusted comment: other/' good >SHA256SUMS.minisig && judge
	sed 's/trusted words/trusted sword/' good >SHA256SUMS.minisig && judge
	cp SHA256SUMS sums && sed 's/one/two/' sums >SHA256SUMS && cp good SHA256SUMS.minisig && judge
	cp sums SHA256SUMS
done
minisign -G -W -f -p key.pub -s key >/dev/null 2>&1 && line=$(tail -1 key.pub)
echo "# another key"
judge
