#include "kernels/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__linux__)
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#if defined(__x86_64__)
#define ARCH_NAME "x86_64"
#elif defined(__aarch64__)
#define ARCH_NAME "aarch64"
#else
#define ARCH_NAME "this cpu"
#endif

/* In rising order: a row comes after the sets it builds on, so one pass closes a set. */
const struct fox_isa_row fox_isa_rows[FOX_ISA_ROWS] = {
    {"avx2", FOX_ISA_AVX2, 0},
    {"avx512", FOX_ISA_AVX512, FOX_ISA_AVX2},
    {"avx512bf16", FOX_ISA_AVX512BF16, FOX_ISA_AVX512},
    {"amx", FOX_ISA_AMX, FOX_ISA_AVX512},
    {"neon", FOX_ISA_NEON, 0},
    {"i8mm", FOX_ISA_I8MM, FOX_ISA_NEON},
};

/* Drop every set that builds on one that is not there. */
static uint32_t close_set(uint32_t isa)
{
	for (size_t i = 0; i < FOX_ISA_ROWS; i++)
		if (fox_isa_rows[i].needs & ~isa)
			isa &= ~fox_isa_rows[i].bit;
	return isa;
}

#if defined(__x86_64__)

/* XCR0: which register states the operating system saves. Only valid when CPUID.1:ECX.OSXSAVE is set. Written
 * out because the intrinsic wants -mxsave, which would let the compiler use it elsewhere. */
static uint64_t xgetbv0(void)
{
	uint32_t lo, hi;
	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return (uint64_t)hi << 32 | lo;
}

/* Linux gives tile registers only to a process that asks, and then to all its threads.
 * source: Linux Documentation/arch/x86/xstate.rst */
static bool amx_permitted(void)
{
#if defined(__linux__) && defined(SYS_arch_prctl)
	enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
	return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
#else
	return false;
#endif
}

/* Palette 1 as kernels configure it: eight tiles of 16 rows of 64 bytes. source: Intel SDM volume 2, CPUID leaf 1DH */
static bool amx_palette(void)
{
	uint32_t a, b, c, d;
	if (!__get_cpuid_count(0x1d, 0, &a, &b, &c, &d) || a < 1)
		return false;
	__cpuid_count(0x1d, 1, a, b, c, d);
	return a == (1024u << 16 | 8192u) && b == (8u << 16 | 64u) && (c & 0xffff) == 16;
}

/* All bits of `want` set in `have`? */
static bool has(uint64_t have, uint64_t want)
{
	return (have & want) == want;
}

#define BIT(n) (UINT64_C(1) << (n))

/* source: Intel SDM volume 2, CPUID, and volume 1 chapter 13 (XCR0) */
static uint32_t detect(void)
{
	uint32_t a, b, c, d, isa = 0;
	if (!__get_cpuid(1, &a, &b, &c, &d) || !has(c, BIT(27))) /* OSXSAVE */
		return 0;
	uint64_t xcr0 = xgetbv0();
	bool avx = has(c, BIT(28) | BIT(12) | BIT(29)); /* avx, fma, f16c */
	uint32_t b7, c7, d7, a71 = 0;
	if (!__get_cpuid_count(7, 0, &a, &b7, &c7, &d7))
		return 0;
	if (a >= 1 && !__get_cpuid_count(7, 1, &a71, &b, &c, &d))
		a71 = 0;
	if (avx && has(b7, BIT(5)) && has(xcr0, BIT(1) | BIT(2)))
		isa |= FOX_ISA_AVX2;
	bool zmm = has(xcr0, BIT(5) | BIT(6) | BIT(7));
	/* f 16, dq 17, bw 30, vl 31; vnni in ecx */
	if (zmm && has(b7, BIT(16) | BIT(17) | BIT(30) | BIT(31)) && has(c7, BIT(11)))
		isa |= FOX_ISA_AVX512;
	if (has(a71, BIT(5)))
		isa |= FOX_ISA_AVX512BF16;
	/* bf16 22, tile 24, int8 25; XTILECFG and XTILEDATA */
	if (has(d7, BIT(22) | BIT(24) | BIT(25)) && has(xcr0, BIT(17) | BIT(18)) && amx_palette() &&
	    amx_permitted())
		isa |= FOX_ISA_AMX;
	return close_set(isa);
}

#elif defined(__aarch64__) && defined(__linux__)

/* source: Linux Documentation/arch/arm64/elf_hwcaps.rst */
static uint32_t detect(void)
{
	uint32_t isa = 0;
	if (getauxval(AT_HWCAP) >> 20 & 1) /* HWCAP_ASIMDDP */
		isa |= FOX_ISA_NEON;
	if (getauxval(AT_HWCAP2) >> 13 & 1) /* HWCAP2_I8MM */
		isa |= FOX_ISA_I8MM;
	return close_set(isa);
}

#else

static uint32_t detect(void)
{
	return 0;
}

#endif

/* The bits a word of the list names; 0: none. */
static uint32_t bits_of(const char *word, size_t n)
{
	if (n == 3 && !memcmp(word, "all", 3))
		return UINT32_MAX;
	for (size_t i = 0; i < FOX_ISA_ROWS; i++)
		if (strlen(fox_isa_rows[i].name) == n && !memcmp(word, fox_isa_rows[i].name, n))
			return fox_isa_rows[i].bit;
	return 0;
}

uint32_t fox_cpu_without(uint32_t isa, const char *list, size_t *n_unknown)
{
	size_t unknown = 0;
	while (list && *list) {
		size_t n = strcspn(list, ",");
		uint32_t bits = bits_of(list, n);
		isa &= ~bits;
		unknown += n > 0 && !bits;
		list += n + (list[n] == ',');
	}
	if (n_unknown)
		*n_unknown = unknown;
	return close_set(isa);
}

uint32_t fox_cpu_isa(void)
{
	return fox_cpu_without(detect(), getenv("FOX_CPU_DISABLE"), NULL);
}

/* Append, and stay inside; *at never passes size - 1. */
static void put(char *out, size_t size, size_t *at, const char *text)
{
	int n = snprintf(out + *at, size - *at, "%s", text);
	*at += n < 0 ? 0 : (size_t)n;
	if (*at > size - 1)
		*at = size - 1;
}

void fox_cpu_describe(char *out, size_t size)
{
	size_t at = 0, unknown;
	uint32_t all = detect(), isa = fox_cpu_without(all, getenv("FOX_CPU_DISABLE"), &unknown);
	if (size == 0)
		return;
	put(out, size, &at, ARCH_NAME ",");
	for (size_t i = 0; i < FOX_ISA_ROWS; i++)
		if (isa & fox_isa_rows[i].bit) {
			put(out, size, &at, " ");
			put(out, size, &at, fox_isa_rows[i].name);
		}
	if (!isa)
		put(out, size, &at, " scalar");
	if (isa != all)
		put(out, size, &at, " (FOX_CPU_DISABLE takes some away)");
	if (unknown)
		put(out, size, &at, " (FOX_CPU_DISABLE names an unknown set)");
}
