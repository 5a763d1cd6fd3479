#include "../base/check.h"

#include "process/suggest.h"

static const char *const words[] = {"bind", "workers", "threads", "thread-queue", "head-timeout",
	"body-timeout", "log", "log-level"};

static void assert_word(const char *got, const char *wanted, const char *word)
{
	if (wanted == NULL ? got != NULL : got == NULL || strcmp(got, wanted) != 0)
		fail_msg("%s: %s, not %s", word, got != NULL ? got : "-",
			wanted != NULL ? wanted : "-");
}

static void test_suggest(void **state)
{
	static const struct {
		const char *word, *near, *any;
	} rows[] = {
		{"bnid", "bind", "bind"},  /* swapped */
		{"bid", "bind", "bind"},   /* left out */
		{"binnd", "bind", "bind"}, /* added */
		{"bond", "bind", "bind"},  /* changed */
		{"bind", "bind", "bind"},  /* the word itself */
		{"wrokres", "workers", "workers"},
		{"thread", "threads", "threads"},
		{"head_timeout", "head-timeout", "head-timeout"},
		{"work", NULL, "workers"}, /* a beginning */
		{"log-", "log", "log"},
		{"lo", NULL, NULL}, /* of two words */
		{"port", NULL, NULL},
		{"b", NULL, NULL},
		{"", NULL, NULL},
		{"an-option-that-is-far-longer-than-any-of-those-there-are", NULL, NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *word = rows[i].word;

		assert_word(suggest_near(word, words, ARRAY_LEN(words)), rows[i].near, word);
		assert_word(suggest_word(word, words, ARRAY_LEN(words)), rows[i].any, word);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ZERO_TEST(test_suggest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
