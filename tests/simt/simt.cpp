/* simt.cpp - the threads of a block as fibers of one thread of this process: they switch only where they meet.
 *
 * A fiber runs until it waits for others, then any fiber that can go on does, chosen by a seed; so a kernel that forgets to
 * synchronize reads, under most seeds, what is not yet there. Deadlock is seen, because then no fiber can go on. */
#include "tests/simt/simt.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <vector>
#if !defined(__x86_64__)
#include <ucontext.h>
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#define STACK_BYTES (256u << 10)
#define KEPT_BYTES (8u << 10) /* more than a fiber's own frames take, those of the kernel not counted */
#define WARPS (FOX_SIMT_THREADS / 32)
#define BARRIERS 16

fox_simt_fiber *fox_simt_self;
dim3 fox_simt_block, fox_simt_block_dim, fox_simt_grid_dim;
void *fox_simt_dynamic;

struct barrier {
	unsigned want, here, votes, result;
	fox_simt_fiber *waiting[FOX_SIMT_THREADS];
};

static fox_simt_fiber fibers[FOX_SIMT_THREADS], outside;
static char *stacks;
static fox_simt_fiber *ready[FOX_SIMT_THREADS];
static unsigned n_ready, n_threads, n_alive;
static barrier barriers[BARRIERS];
static const std::function<void()> *program;
static uint64_t luck;
static bool from_outside;
static void forget_copies();

uint64_t fox_simt_setting(const char *name, uint64_t otherwise)
{
	const char *v = getenv(name);
	return v && *v ? strtoull(v, nullptr, 0) : otherwise;
}

void fox_simt_die(const char *what)
{
	static fox_simt_fiber nobody;
	fox_simt_self = fox_simt_self ? fox_simt_self : &nobody; /* between two launches */
	unsigned waiting[3] = {0, 0, 0};
	for (unsigned i = 0; i < n_threads; i++)
		waiting[fibers[i].done ? 2 : fibers[i].op != nullptr]++;
	fprintf(stderr,
	    "simt: %s: block (%u,%u,%u) of (%u,%u,%u), thread (%u,%u,%u) of (%u,%u,%u); %u ended, %u wait in "
	    "their warp\n",
	    what, fox_simt_block.x, fox_simt_block.y, fox_simt_block.z, fox_simt_grid_dim.x, fox_simt_grid_dim.y,
	    fox_simt_grid_dim.z, fox_simt_self->thread.x, fox_simt_self->thread.y, fox_simt_self->thread.z,
	    fox_simt_block_dim.x, fox_simt_block_dim.y, fox_simt_block_dim.z, waiting[2], waiting[1]);
	abort();
}

static unsigned random_below(unsigned n)
{
	luck = luck * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)((luck >> 33) * n >> 31);
}

/* ---- switching */
#if defined(__x86_64__)
/* Keep what a callee must keep, leave the stack pointer in *from, go on where `to` was left. */
extern "C" void fox_simt_switch(void **from, void *to);
asm(".text\n"
    ".globl fox_simt_switch\n"
    ".type fox_simt_switch, @function\n"
    "fox_simt_switch:\n"
    "	pushq %rbp\n	pushq %rbx\n	pushq %r12\n	pushq %r13\n	pushq %r14\n	pushq %r15\n"
    "	movq %rsp, (%rdi)\n"
    "	movq %rsi, %rsp\n"
    "	popq %r15\n	popq %r14\n	popq %r13\n	popq %r12\n	popq %rbx\n	popq %rbp\n"
    "	ret\n"
    ".size fox_simt_switch, . - fox_simt_switch\n");

static void start_at(fox_simt_fiber *f, char *stack, void (*entry)())
{
	void **sp = (void **)(stack + STACK_BYTES);
	*--sp = nullptr; /* so that entry finds the stack as after a call */
	*--sp = (void *)entry;
	sp -= 6;
	memset(sp, 0, 6 * sizeof *sp);
	f->sp = sp;
}

static void switch_to(fox_simt_fiber *from, fox_simt_fiber *to)
{
	fox_simt_switch(&from->sp, to->sp);
}
#else
static void start_at(fox_simt_fiber *f, char *stack, void (*entry)())
{
	ucontext_t *c = (ucontext_t *)f->sp;
	if (!c)
		f->sp = c = new ucontext_t;
	getcontext(c);
	c->uc_stack.ss_sp = stack;
	c->uc_stack.ss_size = STACK_BYTES;
	c->uc_link = nullptr;
	makecontext(c, entry, 0);
}

static void switch_to(fox_simt_fiber *from, fox_simt_fiber *to)
{
	if (!from->sp)
		from->sp = new ucontext_t;
	swapcontext((ucontext_t *)from->sp, (ucontext_t *)to->sp);
}
#endif

static char *stack_of(const fox_simt_fiber *f)
{
	return stacks + (size_t)(f - fibers) * STACK_BYTES;
}

#ifdef __SANITIZE_ADDRESS__
static const void *home; /* the stack of whoever launches */
static size_t home_bytes;

static void arrived(void *fake, bool from_home)
{
	const void *bottom;
	size_t bytes;
	__sanitizer_finish_switch_fiber(fake, &bottom, &bytes);
	if (from_home)
		home = bottom, home_bytes = bytes;
}
#endif

static void change(fox_simt_fiber *to, bool for_good)
{
	fox_simt_fiber *from = fox_simt_self;
	fox_simt_self = to;
#ifdef __SANITIZE_ADDRESS__
	void *fake = nullptr;
	bool out = to == &outside;
	__sanitizer_start_switch_fiber(
	    for_good ? nullptr : &fake, out ? home : stack_of(to), out ? home_bytes : STACK_BYTES);
	switch_to(from, to);
	arrived(fake, false);
#else
	(void)for_good;
	switch_to(from, to);
#endif
}

/* Go on with whoever can. */
static void give_way(bool for_good)
{
	if (n_ready == 0) {
		if (n_alive > 0)
			fox_simt_die("threads wait for others that never come");
		change(&outside, for_good);
		return;
	}
	unsigned i = random_below(n_ready);
	fox_simt_fiber *f = ready[i];
	ready[i] = ready[--n_ready];
	if (f != fox_simt_self)
		change(f, for_good);
}

/* ---- meeting */
static void try_warp(unsigned warp)
{
	fox_simt_op *lane[32];
	unsigned first = warp * 32, n = n_threads - first < 32 ? n_threads - first : 32;
	for (unsigned i = 0; i < n; i++) {
		const fox_simt_op *op = fibers[first + i].op;
		if (!op)
			continue;
		bool all = true;
		for (unsigned k = 0; k < 32; k++) {
			fox_simt_fiber *f = k < n ? &fibers[first + k] : nullptr;
			lane[k] = nullptr;
			if (!(op->mask >> k & 1) || !f || f->done)
				continue;
			if (f->op && f->op->mask == op->mask && f->op->meet != op->meet)
				fox_simt_die("lanes of a warp meet in different operations");
			if (f->op && f->op->mask == op->mask)
				lane[k] = f->op;
			else
				all = false;
		}
		if (!all)
			continue;
		op->meet(lane);
		for (unsigned k = 0; k < 32; k++) {
			if (lane[k]) {
				fibers[first + k].op = nullptr;
				ready[n_ready++] = &fibers[first + k];
			}
		}
	}
}

void fox_simt_meet(fox_simt_op *op)
{
	fox_simt_fiber *self = fox_simt_self;
	if (!(op->mask >> self->lane & 1))
		fox_simt_die("a lane calls with a mask that does not name it");
	self->op = op;
	unsigned first = self->warp * 32, n = n_threads - first < 32 ? n_threads - first : 32;
	bool last = true;
	for (unsigned k = 0; k < n && last; k++)
		last = !(op->mask >> k & 1) || fibers[first + k].op || fibers[first + k].done;
	if (last)
		try_warp(self->warp);
	give_way(false);
}

static void try_barrier(barrier *b)
{
	unsigned want = b->want ? b->want : n_alive;
	if (b->here == 0 || b->here < want)
		return;
	for (unsigned i = 0; i < b->here; i++)
		ready[n_ready++] = b->waiting[i];
	b->result = b->votes;
	b->here = b->votes = 0;
}

void fox_simt_barrier(unsigned id, unsigned n, unsigned *votes)
{
	barrier *b = &barriers[id % BARRIERS];
	if (b->here && b->want != n)
		fox_simt_die("threads come to a barrier with different counts");
	b->want = n;
	b->waiting[b->here++] = fox_simt_self;
	b->votes += votes ? *votes : 0;
	try_barrier(b);
	give_way(false);
	if (votes)
		*votes = b->result;
}

/* ---- a block */
static void fiber_main()
{
#ifdef __SANITIZE_ADDRESS__
	arrived(nullptr, from_outside); /* only the first of a block is started from there */
	from_outside = false;
#endif
	(*program)();
	forget_copies();
	fox_simt_self->done = true;
	n_alive--;
	try_warp(fox_simt_self->warp);
	for (unsigned i = 0; i < BARRIERS; i++)
		try_barrier(&barriers[i]);
	give_way(true);
	abort(); /* nobody comes back here */
}

#ifndef __SANITIZE_ADDRESS__
extern char __start_fox_simt_shared[] __attribute__((weak)), __stop_fox_simt_shared[] __attribute__((weak));
#endif

static void run_block(size_t dynamic)
{
	if (dynamic)
		memset(fox_simt_dynamic, FOX_SIMT_GARBAGE, dynamic);
#ifndef __SANITIZE_ADDRESS__
	if (__start_fox_simt_shared)
		memset(__start_fox_simt_shared, FOX_SIMT_GARBAGE,
		    (size_t)(__stop_fox_simt_shared - __start_fox_simt_shared));
#endif
	n_ready = 0;
	n_alive = n_threads;
	for (unsigned i = 0; i < n_threads; i++) {
		fox_simt_fiber *f = &fibers[i];
		f->thread = uint3{i % fox_simt_block_dim.x, i / fox_simt_block_dim.x % fox_simt_block_dim.y,
		    i / fox_simt_block_dim.x / fox_simt_block_dim.y};
		f->lane = i % 32;
		f->warp = i / 32;
		f->op = nullptr;
		f->done = false;
#ifdef __SANITIZE_ADDRESS__ /* the frames from which the fiber before it never returned are no longer guarded */
		__asan_unpoison_memory_region(stack_of(f) + STACK_BYTES - KEPT_BYTES, KEPT_BYTES);
#endif
		start_at(f, stack_of(f), fiber_main);
		ready[n_ready++] = f;
	}
	fox_simt_self = &outside;
	from_outside = true;
	give_way(false);
	fox_simt_self = nullptr;
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
	return b ? common_divisor(b, a % b) : a;
}

void fox_simt_run(dim3 grid, dim3 block, size_t dynamic, const std::function<void()> &thread)
{
	if (!stacks) {
		size_t bytes = (size_t)FOX_SIMT_THREADS * STACK_BYTES;
		stacks = (char *)mmap(
		    nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (stacks == MAP_FAILED)
			abort();
		for (size_t i = 0; i < FOX_SIMT_THREADS; i++)
			mprotect(stacks + i * STACK_BYTES, 4096, PROT_NONE); /* the end of a stack that grows too far */
		luck = fox_simt_setting("FOX_SIMT_SEED", 1);
	}
	program = &thread;
	fox_simt_grid_dim = grid;
	fox_simt_block_dim = block;
	n_threads = block.x * block.y * block.z;
	fox_simt_dynamic = dynamic ? aligned_alloc(128, (dynamic + 127) / 128 * 128) : nullptr;
	/* every block once, in an order that no kernel can count on */
	uint64_t n = (uint64_t)grid.x * grid.y * grid.z, few = n < 1000 ? n : 1000;
	uint64_t from = random_below((unsigned)few), step = 1 + random_below((unsigned)few);
	while (common_divisor(step, n) != 1)
		step++;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t b = (from + i * step) % n;
		fox_simt_block =
		    dim3((unsigned)(b % grid.x), (unsigned)(b / grid.x % grid.y), (unsigned)(b / grid.x / grid.y));
		run_block(dynamic);
	}
	free(fox_simt_dynamic);
	fox_simt_dynamic = nullptr;
}

/* ---- copies to shared memory: garbage until they are waited for */
struct copy {
	void *to;
	uint8_t bytes[16];
	unsigned group;
};
static std::vector<copy> copies[FOX_SIMT_THREADS];
static unsigned groups[FOX_SIMT_THREADS]; /* closed ones */

static unsigned self_index()
{
	return (unsigned)(fox_simt_self - fibers);
}

void fox_simt_copy(void *shared, const void *global, uint32_t bytes)
{
	copy c = {shared, {0}, groups[self_index()]};
	memcpy(c.bytes, global, bytes);
	memset(shared, FOX_SIMT_GARBAGE, 16);
	copies[self_index()].push_back(c);
}

void fox_simt_copy_close()
{
	groups[self_index()]++;
}

void fox_simt_copy_wait(unsigned left)
{
	std::vector<copy> *all = &copies[self_index()];
	unsigned closed = groups[self_index()];
	size_t kept = 0;
	for (size_t i = 0; i < all->size(); i++) {
		copy *c = &(*all)[i];
		if (c->group + left < closed)
			memcpy(c->to, c->bytes, 16);
		else
			(*all)[kept++] = *c;
	}
	all->resize(kept);
}

static void forget_copies()
{
	unsigned i = self_index();
	if (!copies[i].empty())
		fox_simt_die("a thread ends before its copies to shared memory");
	groups[i] = 0;
}
