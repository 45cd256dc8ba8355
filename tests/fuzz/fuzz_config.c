/* fuzz_config.c - config.json from anybody: JSON, then fox_hfconfig_read, then the slots of what it accepted.
 */
#include <stdlib.h>

#include "convert/hfconfig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fox_err err = {0};
	struct fox_json *json;
	struct fox_hfconfig c;
	static float table[FOX_MAX_HEAD_DIM / 2];
	if (fox_json_parse(&json, (struct fox_str){(const char *)data, size}, &err))
		return 0;
	enum fox_status st = fox_hfconfig_read(&c, json, &err);
	if (st != err.code || (st && !err.text[0]))
		abort(); /* every refusal says why */
	if (!st) {
		struct fox_arena arena = {0};
		struct fox_slot *slots;
		size_t n;
		uint64_t sum = 0;
		if (fox_arch_slots(c.arch, &c.hp, &arena, &slots, &n, &err))
			abort();
		for (size_t i = 0; i < n; i++) {
			if (!slots[i].rows || !slots[i].cols)
				abort();
			if (slots[i].row->how & FOX_T_MADE)
				fox_hf_rope_table(table, slots[i].row->role, &c.rope, &c.hp);
			else if (!c.hp.tied || !(slots[i].row->how & FOX_T_TIED_EMBED))
				sum += slots[i].rows * slots[i].cols;
		}
		if (sum != fox_arch_params(c.arch, &c.hp))
			abort();
		fox_arena_free(&arena);
	}
	fox_json_close(json);
	return 0;
}
