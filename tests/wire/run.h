#ifndef TESTS_WIRE_RUN_H
#define TESTS_WIRE_RUN_H

#include "base/span.h"

struct script;

/* xorshift64*: the same numbers for the same seed everywhere. */
struct dice {
	uint64_t state;
};

static inline uint64_t dice_roll(struct dice *d)
{
	d->state ^= d->state >> 12;
	d->state ^= d->state << 25;
	d->state ^= d->state >> 27;
	return d->state * 2685821657736338717ull >> 16;
}

static inline size_t dice_below(struct dice *d, size_t n)
{
	return (size_t)(dice_roll(d) % n);
}

/* fuzz.c: mutated requests out of the scripts; false when one did harm. */
bool fuzz_run(const struct script *scripts, size_t n, unsigned rounds, uint64_t seed);

#endif
