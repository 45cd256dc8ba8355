/* Any bytes as a minisign signature and as a public key: a refusal has its reason and an offset inside, and nothing verifies by
 * chance. */
#include "format/minisign.h"

static void check(enum fox_status s, const struct fox_err *err, size_t size)
{
	if (s != err->code || (s && !err->text[0]) || (s && err->at != FOX_NOWHERE && err->at > size))
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fox_str text = {(const char *)data, size};
	struct fox_minisign_key key;
	struct fox_minisign sig;
	struct fox_err err = {0};
	check(fox_minisign_key_parse(&key, text, &err), &err, size);
	err = (struct fox_err){0};
	enum fox_status s = fox_minisign_parse(&sig, text, &err);
	check(s, &err, size);
	if (s)
		return 0;
	static const uint8_t point[FOX_ED25519_BYTES] = {0x55, 0x88, 0x78, 0xBC, 0xCB, 0x8C, 0xB1, 0x4C, 0x23,
	    0xBC, 0xDC, 0x3B, 0x38, 0xC4, 0x64, 0xE3, 0xAC, 0xC7, 0x91, 0x36, 0xA0, 0xC7, 0xA8, 0x92, 0xC7, 0xEC,
	    0xE7, 0x87, 0x81, 0xA1, 0xE0, 0xAD};
	key.id = sig.id;
	memcpy(key.key, point, sizeof point);
	err = (struct fox_err){0};
	s = fox_minisign_verify(&sig, &key, (struct fox_span){(const uint8_t *)"no", 2}, &err);
	check(s, &err, size);
	if (!s)
		__builtin_trap();
	return 0;
}
