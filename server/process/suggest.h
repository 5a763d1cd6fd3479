#ifndef PROCESS_SUGGEST_H
#define PROCESS_SUGGEST_H

#include "base/base.h"

/*
 * "Did you mean …?": the word of a list that a mistyped one is closest to. Close means that one
 * letter in three at most was changed, added, left out or swapped with its neighbour; suggest_word
 * also takes the beginning of exactly one word in the list. NULL: none.
 */
const char *suggest_near(const char *word, const char *const *words, size_t n);
const char *suggest_word(const char *word, const char *const *words, size_t n);

#endif
