/* cpu.h - which instruction sets this machine may use. */
#ifndef FOX_CPU_H
#define FOX_CPU_H

#include "format/base/fox.h"

/* Bits; a kernel file needs exactly one of these. Named by what the code needs, not by products. */
enum fox_isa {
	FOX_ISA_AVX2 = 1u << 0,       /* avx2, fma, f16c */
	FOX_ISA_AVX512 = 1u << 1,     /* f, bw, dq, vl, vnni; builds on avx2 */
	FOX_ISA_AVX512BF16 = 1u << 2, /* builds on avx512 */
	FOX_ISA_AMX = 1u << 3,        /* tile, int8, bf16; builds on avx512 */
	FOX_ISA_NEON = 1u << 4,       /* asimd, dotprod */
	FOX_ISA_I8MM = 1u << 5,       /* builds on neon */
};

struct fox_isa_row {
	const char *name;
	uint32_t bit, needs; /* needs: the sets it builds on */
};
#define FOX_ISA_ROWS 6
extern const struct fox_isa_row fox_isa_rows[FOX_ISA_ROWS];

/*
 * fox_cpu_isa - what the CPU, the operating system and the user allow
 *
 * CPUID says what the CPU can do, XCR0 which registers the system saves; AMX also asks the kernel's
 * permission for this process. Then the comma-separated names in $FOX_CPU_DISABLE are taken away.
 */
uint32_t fox_cpu_isa(void);

/* isa without the sets that a comma-separated list names, and without what builds on them. "all" names every
 * set. A word that names none is skipped and, when n_unknown is not NULL, counted there. list may be NULL:
 * nothing is taken away. */
uint32_t fox_cpu_without(uint32_t isa, const char *list, size_t *n_unknown);

/* The same set as text: "x86_64, avx2 avx512", or "x86_64, scalar" for the empty set; says so when
 * $FOX_CPU_DISABLE took something away or holds a word that names no set. 160 bytes hold any of it; a cut is
 * silent, out is NUL-terminated. */
void fox_cpu_describe(char *out, size_t size);

#endif
