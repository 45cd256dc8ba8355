/* check_device.c - an open device: memory, programs, and that threads do what kernels/cuda counts on. */
#include "tests/test.h"

#include "kernels/cuda/cuda.h"
#include "kernels/half.h"
#include "tests/cuda/cuda_test.h"
#include "tests/cuda/probe.h"

static struct fox_cuda *cuda;
static struct fox_err err;

static void uploads_and_fetches(void **state)
{
	(void)state;
	size_t n = (20u << 20) + 13; /* more than the pinned buffers hold, and no whole number of anything */
	uint8_t *from = malloc(n), *to = calloc(1, n);
	uint64_t seed = 1, before = fox_cuda_taken(cuda);
	for (size_t i = 0; i < n; i++)
		from[i] = (uint8_t)test_rand(&seed);
	void *a, *b;
	assert_fox_ok(fox_cuda_alloc(cuda, &a, n, &err), &err);
	assert_fox_ok(fox_cuda_alloc(cuda, &b, n, &err), &err);
	assert_int_equal((uintptr_t)a % 256 + (uintptr_t)b % 256, 0);
	assert_true(fox_cuda_taken(cuda) == before + 2 * n);
	assert_fox_ok(fox_cuda_upload(cuda, a, from, n, &err), &err);
	assert_fox_ok(fox_cuda_copy(cuda, b, a, n, &err), &err);
	assert_fox_ok(fox_cuda_zero(cuda, a, n, &err), &err);
	assert_fox_ok(fox_cuda_fetch(cuda, to, b, n, &err), &err);
	assert_memory_equal(from, to, n);
	assert_fox_ok(fox_cuda_fetch(cuda, to, a, n, &err), &err);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(to[i], 0);
	fox_cuda_free(cuda, a);
	fox_cuda_free(cuda, b);
	fox_cuda_free(cuda, NULL);
	assert_true(fox_cuda_taken(cuda) == before);
	free(from);
	free(to);
}

static void refuses_more_than_there_is(void **state)
{
	(void)state;
	void *p = &err;
	char want[256];
	uint64_t left, before = fox_cuda_taken(cuda), ask = (uint64_t)1 << 50;
	assert_fox_ok(fox_cuda_free_bytes(cuda, &left, &err), &err);
	struct fox_err e = {0};
	assert_int_equal(fox_cuda_alloc(cuda, &p, ask, &e), FOX_E_NOMEM);
	assert_null(p);
	snprintf(want, sizeof want, "out of memory on CUDA device 0: %llu bytes asked for, %llu are free",
	    (unsigned long long)ask, (unsigned long long)left);
	assert_fox_err(&e, FOX_E_NOMEM, FOX_NOWHERE, want);
	assert_true(fox_cuda_taken(cuda) == before);
	assert_fox_ok(fox_cuda_wait(cuda, &err), &err); /* and the device is of use still */
}

static void threads_meet(void **state)
{
	(void)state;
	static const uint32_t shape[][3] = {{1, 3, 4}, {33, 5, 132}, {256, 7, 1024}, {1024, 2, 100000}};
	for (size_t k = 0; k < FOX_COUNT(shape); k++) {
		uint32_t n = shape[k][0], blocks = shape[k][1], x[2048];
		for (uint32_t i = 0; i < n * blocks; i++)
			x[i] = i * 2654435761u;
		uint32_t *dx = cuda_test_put(cuda, x, (size_t)n * blocks * 4),
		         *dy = cuda_test_room(cuda, (size_t)n * blocks * 4), y[2048];
		assert_fox_ok(probe_reverse(cuda, dy, dx, n, blocks, shape[k][2], &err), &err);
		assert_fox_ok(fox_cuda_fetch(cuda, y, dy, (size_t)n * blocks * 4, &err), &err);
		for (uint32_t i = 0; i < n * blocks; i++)
			assert_int_equal(y[i], x[i / n * n + n - 1 - i % n]);
		fox_cuda_free(cuda, dx);
		fox_cuda_free(cuda, dy);
	}
	struct fox_err e = {0};
	assert_int_equal(probe_reverse(cuda, NULL, NULL, 32, 1, 1u << 20, &e), FOX_E_IO);
	assert_fox_err(&e, FOX_E_IO, FOX_NOWHERE, "cannot reverse on CUDA device 0: invalid argument");
}

static void lanes_meet(void **state)
{
	(void)state;
	uint32_t x[32], y[PROBE_WARP][32], sum = 0, most = 0, odd = 0, low = 0, high = 0;
	for (uint32_t l = 0; l < 32; l++) {
		x[l] = (l * 7 + 3) % 32 * 1000 + l * l;
		sum += x[l];
		most = x[l] > most ? x[l] : most;
		odd |= (x[l] & 1) << l;
		low += l < 16 ? x[l] : 0;
		high = l >= 16 && x[l] > high ? x[l] : high;
	}
	uint32_t *dx = cuda_test_put(cuda, x, sizeof x), *dy = cuda_test_room(cuda, sizeof y);
	assert_fox_ok(probe_warp(cuda, dy, dx, &err), &err);
	assert_fox_ok(fox_cuda_fetch(cuda, y, dy, sizeof y, &err), &err);
	for (uint32_t l = 0; l < 32; l++) {
		assert_int_equal(y[PROBE_XOR_5][l], x[l ^ 5]);
		assert_int_equal(y[PROBE_DOWN_3][l], x[l + 3 < 32 ? l + 3 : l]);
		assert_int_equal(y[PROBE_UP_2][l], x[l >= 2 ? l - 2 : l]);
		assert_int_equal(y[PROBE_FROM_7][l], x[7]);
		assert_int_equal(y[PROBE_XOR_1_OF_8][l], x[l ^ 1]);
		assert_int_equal(y[PROBE_BALLOT_ODD][l], odd);
		assert_int_equal(y[PROBE_ADD][l], sum);
		assert_int_equal(y[PROBE_MAX][l], most);
		assert_int_equal(y[PROBE_HALVES][l], l < 16 ? low : high);
	}
	fox_cuda_free(cuda, dx);
	fox_cuda_free(cuda, dy);
}

static void tensor_cores_have_their_layout(void **state)
{
	(void)state;
	uint16_t a[16 * 16], b[16 * 8];
	float d[16 * 8];
	uint64_t seed = 5;
	for (int way = 0; way < 4; way++) {
		bool half = way & 1, ldmatrix = way & 2;
		for (int i = 0; i < 256; i++) {
			float x = (float)(int)(test_rand(&seed) % 17) - 8,
			      z = (float)(int)(test_rand(&seed) % 13) - 6; /* exact in both */
			a[i] = half ? fox_f32_to_f16(x) : fox_f32_to_bf16(x);
			b[i % 128] = half ? fox_f32_to_f16(z) : fox_f32_to_bf16(z);
		}
		void *da = cuda_test_put(cuda, a, sizeof a), *db = cuda_test_put(cuda, b, sizeof b),
		     *dd = cuda_test_room(cuda, sizeof d);
		assert_fox_ok(probe_mma(cuda, dd, da, db, half, ldmatrix, &err), &err);
		assert_fox_ok(fox_cuda_fetch(cuda, d, dd, sizeof d, &err), &err);
		for (int r = 0; r < 16; r++) {
			for (int c = 0; c < 8; c++) {
				double want = 0;
				for (int k = 0; k < 16; k++)
					want +=
					    half ? (double)fox_f16_to_f32(a[r * 16 + k]) * (double)fox_f16_to_f32(b[k * 8 + c])
					         : (double)fox_bf16_to_f32(a[r * 16 + k]) * (double)fox_bf16_to_f32(b[k * 8 + c]);
				assert_true((double)d[r * 8 + c] == want);
			}
		}
		fox_cuda_free(cuda, da);
		fox_cuda_free(cuda, db);
		fox_cuda_free(cuda, dd);
	}
}

static void tensor_cores_multiply_bytes(void **state)
{
	(void)state;
	int8_t a[16 * 32], b[32 * 8];
	int32_t d[16 * 8];
	uint64_t seed = 6;
	for (int i = 0; i < 512; i++)
		a[i] = (int8_t)test_rand(&seed), b[i % 256] = (int8_t)test_rand(&seed);
	void *da = cuda_test_put(cuda, a, sizeof a), *db = cuda_test_put(cuda, b, sizeof b),
	     *dd = cuda_test_room(cuda, sizeof d);
	assert_fox_ok(probe_mma_s8(cuda, dd, da, db, &err), &err);
	assert_fox_ok(fox_cuda_fetch(cuda, d, dd, sizeof d, &err), &err);
	for (int r = 0; r < 16; r++) {
		for (int c = 0; c < 8; c++) {
			int32_t want = 0;
			for (int k = 0; k < 32; k++)
				want += a[r * 32 + k] * b[k * 8 + c];
			assert_int_equal(d[r * 8 + c], want);
		}
	}
	fox_cuda_free(cuda, da);
	fox_cuda_free(cuda, db);
	fox_cuda_free(cuda, dd);
}

static void copies_arrive(void **state)
{
	(void)state;
	uint32_t x[256], y[256];
	for (uint32_t cut = 0; cut <= 40; cut += 4) {
		for (uint32_t i = 0; i < 256; i++)
			x[i] = i * 40503u + 1;
		void *dx = cuda_test_put(cuda, x, sizeof x), *dy = cuda_test_room(cuda, sizeof y);
		assert_fox_ok(probe_copy(cuda, dy, dx, cut, &err), &err);
		assert_fox_ok(fox_cuda_fetch(cuda, y, dy, sizeof y, &err), &err);
		memset((uint8_t *)x + sizeof x - cut, 0, cut);
		for (uint32_t i = 0; i < 256; i++)
			assert_int_equal(y[i], x[i] + x[i ^ 4]);
		fox_cuda_free(cuda, dx);
		fox_cuda_free(cuda, dy);
	}
}

/* A program does what was recorded, over what the memory holds when it is played. */
static void programs_play(void **state)
{
	(void)state;
	uint32_t zero = 0, y, words[64], back[64];
	for (uint32_t i = 0; i < 64; i++)
		words[i] = i + 1;
	uint32_t *dy = cuda_test_put(cuda, &zero, sizeof zero), *a = cuda_test_put(cuda, words, sizeof words),
	         *b = cuda_test_room(cuda, sizeof words);
	assert_fox_ok(fox_cuda_zero(cuda, b, sizeof words, &err), &err);
	struct fox_cuda_program *p;
	assert_fox_ok(fox_cuda_record_begin(cuda, &err), &err);
	for (int i = 0; i < 100; i++)
		assert_fox_ok(probe_count(cuda, dy, &err), &err);
	assert_fox_ok(probe_reverse(cuda, b, a, 64, 1, 256, &err), &err);
	assert_fox_ok(fox_cuda_record_end(cuda, &p, &err), &err);
	assert_fox_ok(fox_cuda_fetch(cuda, &y, dy, sizeof y, &err), &err);
	assert_int_equal(y, 0);
	for (int i = 0; i < 3; i++)
		assert_fox_ok(fox_cuda_play(cuda, p, &err), &err);
	assert_fox_ok(fox_cuda_fetch(cuda, &y, dy, sizeof y, &err), &err);
	assert_int_equal(y, 300);
	words[0] = 77;
	assert_fox_ok(fox_cuda_upload(cuda, a, words, sizeof words, &err), &err);
	assert_fox_ok(fox_cuda_play(cuda, p, &err), &err);
	assert_fox_ok(fox_cuda_fetch(cuda, back, b, sizeof back, &err), &err);
	assert_int_equal(back[63], 77);
	assert_int_equal(back[0], 64);
	fox_cuda_program_free(cuda, p);
	fox_cuda_program_free(cuda, NULL);
	fox_cuda_free(cuda, dy);
	fox_cuda_free(cuda, a);
	fox_cuda_free(cuda, b);
}

/* What is sent and received by a program is what lies in the pinned memory when it is played. */
static void programs_move_pinned_memory(void **state)
{
	(void)state;
	void *at;
	assert_fox_ok(fox_cuda_pin(cuda, &at, 2 * sizeof(uint32_t), &err), &err);
	uint32_t *pinned = at, *dy = cuda_test_room(cuda, sizeof *pinned);
	struct fox_cuda_program *p;
	assert_fox_ok(fox_cuda_record_begin(cuda, &err), &err);
	assert_fox_ok(fox_cuda_send(cuda, dy, pinned, sizeof *pinned, &err), &err);
	assert_fox_ok(probe_count(cuda, dy, &err), &err);
	assert_fox_ok(fox_cuda_receive(cuda, pinned + 1, dy, sizeof *pinned, &err), &err);
	assert_fox_ok(fox_cuda_record_end(cuda, &p, &err), &err);
	for (uint32_t i = 5; i < 8; i++) {
		pinned[0] = i, pinned[1] = 0;
		assert_fox_ok(fox_cuda_play(cuda, p, &err), &err);
		assert_fox_ok(fox_cuda_wait(cuda, &err), &err);
		assert_int_equal(pinned[1], i + 1);
	}
	fox_cuda_program_free(cuda, p);
	fox_cuda_unpin(cuda, pinned);
	fox_cuda_unpin(cuda, NULL);
	fox_cuda_free(cuda, dy);
}

static void time_passes(void **state)
{
	(void)state;
	double seconds = -1;
	uint32_t zero = 0, *dy = cuda_test_put(cuda, &zero, sizeof zero);
	assert_fox_ok(fox_cuda_mark(cuda, 0, &err), &err);
	assert_fox_ok(probe_count(cuda, dy, &err), &err);
	assert_fox_ok(fox_cuda_mark(cuda, 1, &err), &err);
	assert_fox_ok(fox_cuda_between(cuda, &seconds, &err), &err);
	assert_true(seconds > 0 && seconds < 10);
	fox_cuda_free(cuda, dy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(uploads_and_fetches),
	    cmocka_unit_test(refuses_more_than_there_is),
	    cmocka_unit_test(threads_meet),
	    cmocka_unit_test(lanes_meet),
	    cmocka_unit_test(tensor_cores_have_their_layout),
	    cmocka_unit_test(tensor_cores_multiply_bytes),
	    cmocka_unit_test(copies_arrive),
	    cmocka_unit_test(programs_play),
	    cmocka_unit_test(programs_move_pinned_memory),
	    cmocka_unit_test(time_passes),
	};
	cuda = cuda_test_open();
	int failed = cmocka_run_group_tests_name("device", tests, NULL, NULL);
	fox_cuda_close(cuda);
	return failed;
}
