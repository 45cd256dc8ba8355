/* profile.h - what fox adds to GGUF: the names of the fox.* keys, and checking a container against its
 * hashes.
 *
 * spec/container.md sections 4 to 6 define each key and the root hash. The writer (gguf_write.c) and the
 * checker here share only these names and fox_profile_root. */
#ifndef FOX_PROFILE_H
#define FOX_PROFILE_H

#include "format/finding.h"
#include "format/gguf.h"

#define FOX_KEY_PROFILE "fox.profile" /* u32: version of the profile, 1 */
#define FOX_KEY_VERSION "fox.version" /* str: fox version that wrote the file */
#define FOX_KEY_HASH_ROOT                                                                                    \
	"fox.hash.root" /* u8[16]: XXH3-128 over the header, its own bytes and hash.set zeroed */
#define FOX_KEY_HASH_SET "fox.hash.set" /* u8[16]: XXH3-128 over the roots of all shards in order */
#define FOX_KEY_HASH_TENSORS                                                                                 \
	"fox.hash.tensors" /* u8[16 * tensors], in the order of the tensor table; absent without tensors */
#define FOX_KEY_HASH_LAYOUT "fox.hash.layout"  /* u64[4]: keys, tensors, data offset, file bytes as written  \
	                                            */
#define FOX_KEY_OPTIONS "fox.convert.options"  /* str: options that matter, canonical */
#define FOX_KEY_SRC_NAMES "fox.source.files"   /* str[]: relative names, sorted by bytes */
#define FOX_KEY_SRC_SIZES "fox.source.bytes"   /* u64[] */
#define FOX_KEY_SRC_SHA256 "fox.source.sha256" /* str[]: 64 hex digits each; absent with --no-source-hash */
#define FOX_KEY_SRC_REVISION "fox.source.revision" /* str: HF snapshot name; absent when unknown */
#define FOX_KEY_SRC_DTYPES "fox.source.dtypes" /* str[tensors]: "BF16"... in the order of the tensor table   \
	                                            */
#define FOX_KEY_HF_PREFIX                                                                                    \
	"fox.hf."                                /* + "config", "generation_config", "tokenizer_config",         \
	                                              "special_tokens_map", "added_tokens": the JSON file verbatim */
#define FOX_KEY_SPM_SPEC "fox.tokenizer.spm" /* u8[]: the SentencePiece ModelProto without its pieces */
#define FOX_KEY_HF_SPEC "fox.tokenizer.hf"   /* str: tokenizer.json without vocabulary and merges */
/* of a file that was quantized: spec/container.md 4 */
#define FOX_KEY_QUANTIZE_OPTIONS "fox.quantize.options"         /* str: options that matter, canonical */
#define FOX_KEY_QUANTIZE_ROOT "fox.quantize.source.root"        /* str: root hash of the container it was made from */
#define FOX_KEY_QUANTIZE_HASH "fox.quantize.source.hash"        /* str: in place of root, of a container without one */
#define FOX_KEY_QUANTIZE_AGAIN "fox.quantize.requantized"       /* str[]: tensors that were quantized before */
#define FOX_KEY_PAD "fox.pad"                /* u8[]: zeros; headroom for edits of the header; last key */

#define FOX_DATA_ALIGN 4096u /* the data section of a file fox wrote begins at a multiple of this */
#define FOX_PAD_MIN 16384u   /* elements that fox.pad has at least when a file is written */

enum fox_hash_state {
	FOX_HASH_NONE,    /* not a fox file: none of fox.profile, fox.hash.root, fox.hash.layout */
	FOX_HASH_OK,      /* every hash checked is right */
	FOX_HASH_FOREIGN, /* fox.* keys are there, but another tool rewrote the file: layout is not the one
	                     written */
	FOX_HASH_DAMAGED /* layout as written, a hash is not; or bytes were cut off or added behind a whole header
	                  */
};

/* The root hash that the header's bytes give (spec/container.md 5). FOX_E_FORMAT when fox.hash.root or
 * fox.hash.set is absent or not u8[16]; FOX_E_NOMEM. */
enum fox_status fox_profile_root(
    const struct fox_gguf *g, struct fox_hash128 *out, struct fox_err *err) FOX_MUST_CHECK;

/* Header only: cheap; what fox-inspect shows. Never reads tensor data. Out of memory counts as DAMAGED: never
 * proven. Of a set: OK when every shard is and the set hash is that of their roots; NONE when none is a fox file; else
 * DAMAGED when one is, else FOREIGN. */
enum fox_hash_state fox_profile_state(const struct fox_gguf *g);

#endif
