#ifndef BASE_DECIMAL_H
#define BASE_DECIMAL_H

#include "base/span.h"

/*
 * Numbers as decimal text, both ways exact: what is written is the shortest text that reads as the
 * same double, in the form of ECMAScript's Number::toString (which RFC 8785 takes for JSON); what
 * is read is the nearest double. Independent of the locale.
 */
#define DECIMAL_MAX 32 /* bytes that decimal_put needs at most */

/* A finite number; how many bytes were written. -0 is written as 0. */
size_t decimal_put(char *out, double value);

/* -?DIGITS[.DIGITS][(e|E)[+-]DIGITS], all of the text; the caller has checked that it is that. */
double decimal_get(struct span text);

#endif
