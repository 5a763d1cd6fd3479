#include "process/suggest.h"

#include <string.h>

#define WORD_MAX 48

/* Damerau-Levenshtein distance of two words shorter than WORD_MAX. */
static int distance(const char *a, const char *b)
{
	int rows[3][WORD_MAX + 1];
	int *before = rows[0], *above = rows[1], *row = rows[2];
	int n = (int)strlen(b);

	for (int j = 0; j <= n; j++)
		above[j] = j;
	for (int i = 1; a[i - 1] != '\0'; i++) {
		int *spare = before;

		row[0] = i;
		for (int j = 1; j <= n; j++) {
			int changed = above[j - 1] + (a[i - 1] != b[j - 1]);

			row[j] = MIN(changed, MIN(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = MIN(row[j], before[j - 2] + 1);
		}
		before = above;
		above = row;
		row = spare;
	}
	return above[n];
}

const char *suggest_near(const char *word, const char *const *words, size_t n)
{
	const char *best = NULL;
	int limit = (int)strlen(word) / 3, least = limit + 1;

	if (strlen(word) < 2 || strlen(word) >= WORD_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		int d = distance(word, words[i]);

		if (d < least) {
			least = d;
			best = words[i];
		}
	}
	return best;
}

static const char *only_with_prefix(const char *word, const char *const *words, size_t n)
{
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		if (strncmp(words[i], word, strlen(word)) != 0)
			continue;
		if (found != NULL)
			return NULL;
		found = words[i];
	}
	return found;
}

const char *suggest_word(const char *word, const char *const *words, size_t n)
{
	const char *near = suggest_near(word, words, n);

	return near != NULL || strlen(word) < 2 ? near : only_with_prefix(word, words, n);
}
