/* sshwire.h - what OpenSSH's keys and signatures are put together from: fields of SSH's wire encoding, and armor around base64.
 * source: RFC 4251 section 5 (uint32, string); OpenSSH PROTOCOL.sshsig, PROTOCOL.key (armor) */
#ifndef FOX_SSHWIRE_H
#define FOX_SSHWIRE_H

#include "format/base/str.h"

#define FOX_SSH_ED25519 "ssh-ed25519"

/* Bytes that are read field by field. at counts from the begin of the outermost bytes, for messages. */
struct fox_ssh_in {
	const uint8_t *p;
	size_t n;    /* bytes left */
	uint64_t at; /* offset of p */
};

/*
 * fox_ssh_u32, fox_ssh_string, fox_ssh_end - the next field; nothing follows
 *
 * what    name of the field, for messages
 * out     fox_ssh_string: of the string's bytes, which may be of any kind and none
 * errors  FOX_E_BOUND, at the field: it ends past the end. FOX_E_FORMAT: bytes follow
 */
enum fox_status fox_ssh_u32(
    struct fox_ssh_in *in, uint32_t *out, const char *what, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_ssh_string(
    struct fox_ssh_in *in, struct fox_ssh_in *out, const char *what, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_ssh_end(
    const struct fox_ssh_in *in, const char *what, struct fox_err *err) FOX_MUST_CHECK;

/* A string that must be of exactly n bytes, copied to out. FOX_E_FORMAT otherwise. */
enum fox_status fox_ssh_bytes(
    struct fox_ssh_in *in, uint8_t *out, size_t n, const char *what, struct fox_err *err) FOX_MUST_CHECK;

static inline struct fox_str fox_ssh_text(const struct fox_ssh_in *in)
{
	return (struct fox_str){(const char *)in->p, in->n};
}

void fox_ssh_put_u32(struct fox_buf *out, uint32_t v);
void fox_ssh_put_string(struct fox_buf *out, const void *p, size_t n);

/*
 * The kind of a public key or signature: FOX_OK for ssh-ed25519
 *
 * errors  FOX_E_UNSUPPORTED naming the kind
 */
enum fox_status fox_ssh_kind(const struct fox_ssh_in *kind, struct fox_err *err) FOX_MUST_CHECK;

/*
 * Armor: a line "-----BEGIN LABEL-----", lines of base64, a line "-----END LABEL-----"; before it blank lines, behind it nothing but
 * blank lines
 *
 * fox_ssh_unarmor: bytes of it, malloc'd, of `room` bytes: fox_wipe (where secret) and free
 * fox_ssh_armor_at: the offset in text where byte `at` of them stands
 * errors  FOX_E_FORMAT, at the line; FOX_E_NOMEM
 */
enum fox_status fox_ssh_unarmor(uint8_t **out, size_t *n, size_t *room, struct fox_str text,
    const char *label, struct fox_err *err) FOX_MUST_CHECK;
uint64_t fox_ssh_armor_at(struct fox_str text, uint64_t at);
bool fox_ssh_is_armor(struct fox_str text, const char *label); /* does it begin like that? */
void fox_ssh_armor(struct fox_buf *out, const char *label, struct fox_span bytes);

#endif
