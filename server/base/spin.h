#ifndef BASE_SPIN_H
#define BASE_SPIN_H

#include "base/clock.h"

#include <stdatomic.h>

/*
 * Looking at a flag that another thread is about to set, instead of sleeping: for some microseconds
 * that is cheaper than a futex or an eventfd, and much sooner. For both sides' sake the flag is no
 * lock: who has seen it takes the lock that guards what it announces.
 */
static inline void spin_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("isb");
#endif
}

/* True: it is set; what was written before it was is seen. */
static inline bool spin_on(atomic_bool *flag, uint64_t us)
{
	uint64_t until = clock_mono_us() + us;

	do {
		for (int i = 0; i < 16; i++) {
			if (atomic_load_explicit(flag, memory_order_acquire))
				return true;
			spin_relax();
		}
	} while (clock_mono_us() < until);
	return false;
}

/* With one CPU who looks for what another thread does only keeps it from doing that. */
bool spin_pays(void);

#endif
