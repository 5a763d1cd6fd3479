#ifndef TESTS_SUPPORT_FAKE_CLOCK_H
#define TESTS_SUPPORT_FAKE_CLOCK_H

#include "base/clock.h"

/* The monotonic time of a test: it stands still until it is told otherwise. */
void fake_clock_start(void); /* at a fixed time, some hours after nothing */
void fake_clock_advance(uint64_t us);
void fake_clock_stop(void); /* back to the system's */

#endif
