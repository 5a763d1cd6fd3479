#include "check.h"

#include "base/buf.h"

/* All the bytes as the iovecs show them. */
static void gather_all(const struct chunkq *q, struct buf *out)
{
	struct iovec iov[1024];
	size_t bytes, sum = 0;
	int n = chunkq_gather(q, iov, ARRAY_LEN(iov), &bytes);

	buf_clear(out);
	for (int i = 0; i < n; i++) {
		assert_true(iov[i].iov_len > 0);
		buf_append(out, iov[i].iov_base, iov[i].iov_len);
		sum += iov[i].iov_len;
	}
	assert_int_equal(sum, bytes);
	assert_int_equal(bytes, q->total);
}

static void assert_bytes(const struct chunkq *q, const char *bytes, size_t n)
{
	struct buf b = {0};

	gather_all(q, &b);
	assert_int_equal(b.n, n);
	if (n)
		assert_memory_equal(b.p, bytes, n);
	buf_fini(&b);
}

static void test_small(void **state)
{
	struct chunkq q;
	struct span s;

	chunkq_init(&q);
	assert_int_equal(chunkq_peek(&q, 10).n, 0);
	chunkq_consume(&q, 0);
	chunkq_append(&q, NULL, 0);
	assert_null(q.head);
	chunkq_append(&q, "hello ", 6);
	chunkq_append(&q, "world", 5);
	assert_ptr_equal(q.head, q.tail); /* small appends share a block */
	assert_int_equal(q.total, 11);
	s = chunkq_peek(&q, SIZE_MAX);
	assert_int_equal(s.n, 11);
	assert_memory_equal(s.p, "hello world", 11);
	assert_int_equal(chunkq_peek(&q, 3).n, 3);
	assert_int_equal(chunkq_peek(&q, 0).n, 0);
	chunkq_consume(&q, 6);
	assert_bytes(&q, "world", 5);
	chunkq_consume(&q, 5);
	assert_null(q.head); /* an empty queue holds nothing */
	assert_null(q.tail);
	chunkq_append(&q, "again", 5);
	assert_bytes(&q, "again", 5);
	chunkq_fini(&q);
	assert_int_equal(q.total, 0);
}

static void test_large(void **state)
{
	static const size_t sizes[] = {1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 100000, 3};
	struct buf all = {0};
	struct chunkq q;

	chunkq_init(&q);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		size_t start = all.n;

		for (size_t k = 0; k < sizes[i]; k++)
			buf_putc(&all, (char)(k * 31 + i));
		chunkq_append(&q, all.p + start, sizes[i]);
		assert_bytes(&q, all.p, all.n);
	}
	chunkq_consume(&q, 5000);
	assert_bytes(&q, all.p + 5000, all.n - 5000);
	chunkq_consume(&q, q.total - 1);
	assert_bytes(&q, all.p + all.n - 1, 1);
	chunkq_fini(&q);
	buf_fini(&all);
}

static void test_reserve(void **state)
{
	struct chunkq q;
	char *at;

	chunkq_init(&q);
	at = chunkq_reserve(&q, CHUNK_BYTES);
	memcpy(at, "ab", 2);
	chunkq_commit(&q, 2);
	at = chunkq_reserve(&q, 10);
	memcpy(at, "cd", 2);
	chunkq_commit(&q, 2);
	assert_ptr_equal(q.head, q.tail);
	memset(chunkq_reserve(&q, CHUNK_BYTES), 'x',
		CHUNK_BYTES); /* does not fit behind the four */
	chunkq_commit(&q, CHUNK_BYTES);
	assert_ptr_not_equal(q.head, q.tail);
	assert_int_equal(q.total, 4 + CHUNK_BYTES);
	assert_memory_equal(chunkq_peek(&q, 100).p, "abcd", 4);
	assert_int_equal(chunkq_peek(&q, 100).n, 4);
	chunkq_consume(&q, 4);
	assert_int_equal(chunkq_peek(&q, SIZE_MAX).n, CHUNK_BYTES);
	chunkq_fini(&q);
}

/* A read that found nothing leaves no block behind, whatever was in the queue. */
static void test_commit_nothing(void **state)
{
	struct chunkq q;

	chunkq_init(&q);
	chunkq_reserve(&q, 100);
	chunkq_commit(&q, 0);
	assert_null(q.head);
	assert_null(q.tail);
	chunkq_append(&q, "abc", 3);
	chunkq_reserve(&q, CHUNK_BYTES);
	chunkq_commit(&q, 0);
	assert_ptr_equal(q.head, q.tail);
	chunkq_reserve(&q, 100);
	chunkq_commit(&q, 0);
	assert_bytes(&q, "abc", 3);
	chunkq_append(&q, "def", 3);
	assert_bytes(&q, "abcdef", 6);
	chunkq_consume(&q, 6);
	assert_null(q.head);
	chunkq_fini(&q);
}

static void test_gather(void **state)
{
	static const struct {
		int max, n;
		size_t bytes;
	} rows[] = {
		{0, 0, 0},
		{1, 1, CHUNK_BYTES - 10},
		{2, 2, 2 * CHUNK_BYTES - 10},
		{3, 3, 2 * CHUNK_BYTES + 90},
		{8, 3, 2 * CHUNK_BYTES + 90},
	};
	char bytes[2 * CHUNK_BYTES + 100];
	struct chunkq q;

	memset(bytes, 'g', sizeof(bytes));
	chunkq_init(&q);
	chunkq_append(&q, bytes, sizeof(bytes));
	chunkq_consume(&q, 10);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct iovec iov[8];
		size_t sum = 99;

		assert_int_equal(chunkq_gather(&q, iov, rows[i].max, &sum), rows[i].n);
		assert_int_equal(sum, rows[i].bytes);
	}
	chunkq_fini(&q);
}

static void test_move(void **state)
{
	static const struct {
		const char *to, *from;
	} rows[] = {{"", ""}, {"abc", ""}, {"", "def"}, {"abc", "def"}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct chunkq to, from;
		char all[16];

		chunkq_init(&to);
		chunkq_init(&from);
		chunkq_append(&to, rows[i].to, strlen(rows[i].to));
		chunkq_append(&from, rows[i].from, strlen(rows[i].from));
		snprintf(all, sizeof(all), "%s%s", rows[i].to, rows[i].from);
		chunkq_move(&to, &from);
		assert_null(from.head);
		assert_int_equal(from.total, 0);
		assert_bytes(&to, all, strlen(all));
		chunkq_append(&to, "!", 1);
		chunkq_append(&from, "!", 1);
		assert_int_equal(to.total, strlen(all) + 1);
		chunkq_consume(&to, to.total);
		chunkq_fini(&to);
		chunkq_fini(&from);
	}
}

static void test_cache(void **state)
{
	static char megabytes[4 << 20];
	long before = mem_live(), warm;
	struct chunkq q;

	chunkq_init(&q);
	chunkq_append(&q, megabytes, sizeof(megabytes));
	assert_true(mem_live() > before + 500);
	chunkq_fini(&q);
	warm = mem_live();
	assert_true(warm <= before + 256);
	for (int i = 0; i < 100; i++) {
		chunkq_append(&q, megabytes, 100000);
		chunkq_consume(&q, 100000);
		assert_int_equal(mem_live(), warm);
	}
}

static void random_step(struct chunkq *q, struct buf *model)
{
	static const char source[30000] = "abcdefghijklmnopqrstuvwxyz";
	size_t n, from = random_below(26);
	struct span head;

	switch (random_below(4)) {
	case 0:
		n = random_below(2) ? random_below(200) : random_below(sizeof(source) - from);
		chunkq_append(q, source + from, n);
		buf_append(model, source + from, n);
		break;
	case 1:
		n = random_below(CHUNK_BYTES + 1);
		memcpy(chunkq_reserve(q, n), source + from, MIN(n, 100));
		n = random_below(MIN(n, 100) + 1);
		chunkq_commit(q, n);
		buf_append(model, source + from, n);
		break;
	case 2:
		n = random_below(MIN(model->n, 20000) + 1);
		chunkq_consume(q, n);
		buf_consume(model, n);
		break;
	case 3:
		head = chunkq_peek(q, random_below(9000));
		if (head.n)
			assert_memory_equal(head.p, model->p, head.n);
		break;
	}
	assert_int_equal(q->total, model->n);
	assert_int_equal(q->head == NULL, model->n == 0);
}

static void test_random(void **state)
{
	struct buf model = {0};
	struct chunkq q;

	random_start("chunkq");
	chunkq_init(&q);
	for (int i = 0; i < 20000; i++) {
		random_step(&q, &model);
		if (i % 64 == 0)
			assert_bytes(&q, model.p, model.n);
	}
	chunkq_fini(&q);
	buf_fini(&model);
}

static void consume_too_much(void)
{
	struct chunkq q;

	chunkq_init(&q);
	chunkq_append(&q, "a", 1);
	chunkq_consume(&q, 2);
}

static void commit_too_much(void)
{
	struct chunkq q;

	chunkq_init(&q);
	chunkq_reserve(&q, 1);
	chunkq_commit(&q, CHUNK_BYTES + 1);
}

static void reserve_too_much(void)
{
	struct chunkq q;

	chunkq_init(&q);
	chunkq_reserve(&q, CHUNK_BYTES + 1);
}

static void test_misuse(void **state)
{
	assert_dies(consume_too_much, "panic: ENSURE");
	assert_dies(commit_too_much, "panic: ENSURE");
	assert_dies(reserve_too_much, "panic: ENSURE");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ZERO_TEST(test_small),
		ZERO_TEST(test_large),
		ZERO_TEST(test_reserve),
		ZERO_TEST(test_commit_nothing),
		ZERO_TEST(test_gather),
		ZERO_TEST(test_move),
		ZERO_TEST(test_cache),
		ZERO_TEST(test_random),
		ZERO_TEST(test_misuse),
	};

	return cmocka_run_group_tests_name("chunkq", tests, NULL, NULL);
}
