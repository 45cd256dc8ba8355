# ssh-keygen verifies what fox signed, and fox what ssh-keygen signed. Keys are new each time.
command -v ssh-keygen >/dev/null || { echo "skip: no ssh-keygen"; exit 77; }
ssh-keygen -q -t ed25519 -N '' -C 'a comment' -f id && ssh-keygen -q -t ed25519 -N '' -f other || exit 1
echo "me@example.org namespaces=\"fox\" $(cat id.pub)" >allowed
mkdir m && printf 'one\n' >m/one && printf 'two\n' >m/two
fox-pack sign -q m/two m/one --key id
(cd m && sha256sum -c SHA256SUMS)
ssh-keygen -Y check-novalidate -n fox -s m/SHA256SUMS.sig <m/SHA256SUMS | sed 's/SHA256:.*/KEY/'
ssh-keygen -Y verify -n fox -f allowed -I me@example.org -s m/SHA256SUMS.sig <m/SHA256SUMS | sed 's/SHA256:.*/KEY/'
printf 'x' | cat m/SHA256SUMS - | ssh-keygen -Y verify -n fox -f allowed -I me@example.org -s m/SHA256SUMS.sig >/dev/null 2>&1 || echo "ssh-keygen sees other bytes"
verify() { fox-verify m/SHA256SUMS -q "$@" | sed 's/SHA256:[^ ,]*/KEY/'; fox-verify m/SHA256SUMS -q "$@" >/dev/null 2>&1; echo "exit $?"; }
for hash in sha512 sha256; do
	rm m/SHA256SUMS.sig && ssh-keygen -q -Y sign -n fox -O hashalg=$hash -f id m/SHA256SUMS
	for key in id.pub allowed other.pub; do
		echo "$hash, $key"
		verify --key $key
	done
	verify --key allowed --signer me@example.org
	verify --key allowed --signer you@example.org
done
rm m/SHA256SUMS.sig && ssh-keygen -q -Y sign -n git -f id m/SHA256SUMS
echo "another namespace"
verify --key id.pub
