#ifndef TESTS_UNIT_BASE_CHECK_H
#define TESTS_UNIT_BASE_CHECK_H

/*
 * What every unit test of this layer needs: cmocka with the headers it asks for, the proof that a
 * test gave all memory back (ZERO_TEST), the proof that something aborts (assert_dies), and random
 * numbers whose seed is printed; SEED=<number> in the environment repeats a run.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/chunkq.h"
#include "base/mem.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long live_before;

static inline int zero_setup(void **state)
{
	live_before = mem_live();
	return 0;
}

static inline int zero_teardown(void **state)
{
	arena_drop_cache();
	chunkq_drop_cache();
	assert_int_equal(mem_live(), live_before);
	return 0;
}

#define ZERO_TEST(fn) cmocka_unit_test_setup_teardown(fn, zero_setup, zero_teardown)

/* Runs `fn` in a child, which must abort; what it said on stderr goes to `said`. */
static inline void assert_aborts(void (*fn)(void), char *said, size_t cap)
{
	int pipe_fds[2], status;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	assert_int_equal(pipe(pipe_fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		dup2(pipe_fds[1], STDERR_FILENO);
		close(pipe_fds[0]);
		fn();
		_exit(0);
	}
	close(pipe_fds[1]);
	while (n < cap - 1 && (got = read(pipe_fds[0], said + n, cap - 1 - n)) > 0)
		n += (size_t)got;
	said[n] = '\0';
	close(pipe_fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

/* The same, and it must have said `why`. */
static inline void assert_dies(void (*fn)(void), const char *why)
{
	char said[4096];

	assert_aborts(fn, said, sizeof(said));
	if (!strstr(said, why))
		fail_msg("\"%s\" does not say \"%s\"", said, why);
}

static uint64_t random_state;

static inline void random_start(const char *what)
{
	const char *given = getenv("SEED");

	random_state = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 2654435761u;
	random_state |= 1;
	printf("%s: SEED=%llu\n", what, (unsigned long long)random_state);
}

/* 0 … below - 1 (xorshift64*). */
static inline size_t random_below(size_t below)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (size_t)((random_state * 2685821657736338717ull >> 16) % below);
}

#endif
