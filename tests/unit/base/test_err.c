#include "check.h"

#include "base/err.h"

#include <errno.h>
#include <limits.h>

static const struct {
	int code;
	const char *name, *meaning;
} table[] = {
#define ERR(name, code, text, meaning) {code, text, meaning},
#include "base/err.tbl.h"
#undef ERR
};

static void test_names(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		assert_string_equal(err_name(table[i].code), table[i].name);
	assert_string_equal(err_name(ERR_OK), "ok");
	assert_string_equal(err_name(ERR_QUEUE_FULL), "queue_full");
	assert_string_equal(err_name(1), "unknown");
	assert_string_equal(err_name(-999), "unknown");
	assert_string_equal(err_name(INT_MIN), "unknown");
}

/* Lua compares the short codes: they are words, and no two are alike. */
static void test_table(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		assert_true(table[i].code < 0);
		assert_true(table[i].meaning[0] != '\0');
		assert_int_equal(strspn(table[i].name, "abcdefghijklmnopqrstuvwxyz_"),
			strlen(table[i].name));
		for (size_t k = 0; k < i; k++) {
			assert_int_not_equal(table[i].code, table[k].code);
			assert_string_not_equal(table[i].name, table[k].name);
		}
	}
}

static void test_from_errno(void **state)
{
	static const struct {
		int errnum, code;
	} rows[] = {
		{ENOENT, ERR_NOT_FOUND},
		{ENOTDIR, ERR_NOT_FOUND},
		{ENAMETOOLONG, ERR_NOT_FOUND},
		{EACCES, ERR_DENIED},
		{EPERM, ERR_DENIED},
		{EIO, ERR_IO},
		{EROFS, ERR_DENIED},
		{EEXIST, ERR_EXISTS},
		{EISDIR, ERR_IS_DIR},
		{ENOTEMPTY, ERR_NOT_EMPTY},
		{ENOSPC, ERR_NO_SPACE},
		{EDQUOT, ERR_NO_SPACE},
		{EBUSY, ERR_BUSY},
		{EINVAL, ERR_INVALID},
		{EPIPE, ERR_CLOSED},
		{ENOTCONN, ERR_CLOSED},
		{ETIMEDOUT, ERR_TIMEOUT},
		{ECONNREFUSED, ERR_REFUSED},
		{ECONNRESET, ERR_RESET},
		{ECONNABORTED, ERR_RESET},
		{EHOSTUNREACH, ERR_UNREACHABLE},
		{ENETUNREACH, ERR_UNREACHABLE},
		{ENETDOWN, ERR_UNREACHABLE},
		{EHOSTDOWN, ERR_UNREACHABLE},
		{EADDRINUSE, ERR_IN_USE},
		{EMSGSIZE, ERR_TOO_LARGE},
		{EAGAIN, ERR_IO},
		{0, ERR_IO},
		{-1, ERR_IO},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(err_from_errno(rows[i].errnum), rows[i].code);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ZERO_TEST(test_names),
		ZERO_TEST(test_table),
		ZERO_TEST(test_from_errno),
	};

	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
