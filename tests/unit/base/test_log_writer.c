#include "check.h"

#include "base/buf.h"
#include "base/log_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>

static char dir[64];

static int make_dir(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/log_writer.XXXXXX");
	assert_non_null(mkdtemp(dir));
	return zero_setup(state);
}

static int remove_dir(void **state)
{
	static const char *const names[] = {"log", "old", "link"};
	char path[128];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(dir), 0);
	return zero_teardown(state);
}

#define FILE_TEST(fn) cmocka_unit_test_setup_teardown(fn, make_dir, remove_dir)

static const char *path_of(const char *name)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, 128, "%s/%s", dir, name);
	return path;
}

static void put(struct log_writer *w, const char *line)
{
	log_writer_write(w, line, strlen(line));
}

static void read_fd(int fd, struct buf *out)
{
	ssize_t n;

	while ((n = read(fd, buf_reserve(out, 65536), 65536)) > 0)
		out->n += (size_t)n;
}

static void read_file(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	buf_clear(out);
	read_fd(fd, out);
	close(fd);
}

static void assert_file(const char *path, const char *expected)
{
	struct buf b = {0};

	read_file(path, &b);
	assert_string_equal(buf_cstr(&b), expected);
	buf_fini(&b);
}

/* Waits, five seconds at most, until the file is as long as that. */
static void wait_for_size(const char *path, off_t size)
{
	struct stat st;

	for (int i = 0; i < 5000; i++) {
		if (stat(path, &st) == 0 && st.st_size >= size)
			return;
		usleep(1000);
	}
	fail_msg("%s does not grow to %ld", path, (long)size);
}

static void test_close_flushes(void **state)
{
	struct log_writer *w = log_writer_open(path_of("log"), -1, "lost %llu");
	struct stat st;

	assert_non_null(w);
	put(w, "one\n");
	put(w, "two\n");
	log_writer_close(&w);
	assert_null(w);
	log_writer_close(&w);
	assert_file(path_of("log"), "one\ntwo\n");
	assert_int_equal(stat(path_of("log"), &st), 0);
	assert_int_equal(st.st_mode & 0137, 0); /* 0640, or less by umask */
	w = log_writer_open(path_of("log"), -1, NULL);
	put(w, "three\n"); /* appended */
	log_writer_close(&w);
	assert_file(path_of("log"), "one\ntwo\nthree\n");
}

static void test_closes_unused(void **state)
{
	struct log_writer *w = log_writer_open(path_of("log"), -1, "lost %llu\n");

	log_writer_close(&w);
	assert_file(path_of("log"), "");
}

/* A line does not wait for the next one. */
static void test_writes_at_once(void **state)
{
	struct log_writer *w = log_writer_open(path_of("log"), -1, NULL);

	for (int i = 1; i <= 5; i++) {
		put(w, "line\n");
		wait_for_size(path_of("log"), 5 * i);
	}
	log_writer_close(&w);
}

static void test_open_fails(void **state)
{
	errno = 0;
	assert_null(log_writer_open(path_of("missing/log"), -1, NULL));
	assert_int_equal(errno, ENOENT);
	errno = 0;
	assert_null(log_writer_open(dir, -1, "lost %llu"));
	assert_int_equal(errno, EISDIR);
	errno = 0;
	assert_null(log_writer_open("-", -1, NULL));
	assert_int_equal(errno, EBADF);
}

static void test_reopen(void **state)
{
	struct log_writer *w = log_writer_open(path_of("log"), -1, NULL);

	put(w, "before\n");
	wait_for_size(path_of("log"), 7);
	assert_int_equal(rename(path_of("log"), path_of("old")), 0);
	put(w, "still the old\n");
	wait_for_size(path_of("old"), 7 + 14);
	assert_int_equal(log_writer_reopen(w), 0);
	put(w, "after\n");
	log_writer_close(&w);
	assert_file(path_of("old"), "before\nstill the old\n");
	assert_file(path_of("log"), "after\n");
}

static void test_reopen_fails(void **state)
{
	struct log_writer *w;

	assert_int_equal(symlink(path_of("log"), path_of("link")), 0);
	w = log_writer_open(path_of("link"), -1, NULL);
	assert_non_null(w);
	unlink(path_of("link"));
	assert_int_equal(symlink(dir, path_of("link")), 0);
	assert_int_equal(log_writer_reopen(w), -1);
	assert_int_equal(errno, EISDIR);
	put(w, "kept\n");
	log_writer_close(&w);
	assert_file(path_of("log"), "kept\n");
}

/* ---- threads ---- */

#define THREADS 4
#define LINES   2000

struct sender {
	struct log_writer *w;
	int number;
};

static void *send_lines(void *arg)
{
	struct sender *s = arg;
	char line[64];

	for (int i = 0; i < LINES; i++) {
		snprintf(line, sizeof(line), "%d %d %.*s\n", s->number, i, i % 40,
			"........................................");
		put(s->w, line);
	}
	return NULL;
}

/* Every line is whole, none is missing, and those of one thread are in order. */
static void test_threads(void **state)
{
	struct log_writer *w = log_writer_open(path_of("log"), -1, "lost %llu");
	int next[THREADS] = {0}, number, i, at;
	struct sender senders[THREADS];
	pthread_t threads[THREADS];
	struct buf b = {0};

	for (i = 0; i < THREADS; i++) {
		senders[i] = (struct sender){w, i};
		assert_int_equal(pthread_create(&threads[i], NULL, send_lines, &senders[i]), 0);
	}
	for (i = 0; i < 20; i++)
		assert_int_equal(log_writer_reopen(w), 0); /* of the same file, while they write */
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	log_writer_close(&w);
	read_file(path_of("log"), &b);
	for (const char *p = buf_cstr(&b); *p; p = strchr(p, '\n') + 1) {
		assert_int_equal(sscanf(p, "%d %d%n", &number, &at, &i), 2);
		assert_in_range(number, 0, THREADS - 1);
		assert_int_equal(at, next[number]++);
		assert_int_equal(p[i], ' ');
		assert_int_equal(strspn(p + i + 1, "."), at % 40);
		assert_int_equal(p[i + 1 + at % 40], '\n');
	}
	for (i = 0; i < THREADS; i++)
		assert_int_equal(next[i], LINES);
	buf_fini(&b);
}

/* ---- slow and full disks ---- */

struct reader {
	int fd;
	struct buf got;
};

static void *read_all(void *arg)
{
	struct reader *r = arg;

	read_fd(r->fd, &r->got);
	return NULL;
}

#define LINE_BYTES 1000
#define SENT       5000

static void send_into_nothing(struct log_writer *w)
{
	char line[LINE_BYTES + 1];
	struct timespec start, end;

	memset(line, 'x', LINE_BYTES - 1);
	memcpy(line + LINE_BYTES - 1, "\n", 2);
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (int i = 0; i < SENT; i++)
		put(w, line);
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_true(end.tv_sec - start.tv_sec < 5); /* it waited for nobody */
}

/* What arrived and what is told lost is all that was sent. */
static void assert_all_told(const char *p)
{
	unsigned long long told, lost = 0, arrived = 0;

	for (; *p; p = strchr(p, '\n') + 1) {
		if (sscanf(p, "lost %llu lines\n", &told) == 1) {
			lost += told;
			continue;
		}
		assert_int_equal(strcspn(p, "\n"), LINE_BYTES - 1);
		arrived++;
	}
	assert_int_equal(arrived + lost, SENT);
	assert_true(lost > 0);
	assert_true(arrived * LINE_BYTES > (512 << 10) - LINE_BYTES);
	assert_true(arrived * LINE_BYTES <= (1 << 20) + 65536); /* both halves and the pipe */
}

/* A pipe that nobody reads until everything was sent. */
static void drop_into_pipe(int flags)
{
	struct reader r = {0};
	struct log_writer *w;
	pthread_t thread;
	int fds[2];

	assert_int_equal(pipe2(fds, flags), 0);
	fcntl(fds[0], F_SETFL, 0); /* the reader's end blocks in any case */
	r.fd = fds[0];
	w = log_writer_open("-", fds[1], "lost %llu lines");
	assert_non_null(w);
	assert_int_equal(log_writer_reopen(w), 0); /* has no path: nothing to do */
	send_into_nothing(w);
	assert_int_equal(pthread_create(&thread, NULL, read_all, &r), 0);
	log_writer_close(&w);
	assert_int_equal(close(fds[1]), 0); /* "-" was not the writer's to close */
	pthread_join(thread, NULL);
	close(fds[0]);
	assert_all_told(buf_cstr(&r.got));
	buf_fini(&r.got);
}

static void test_drops(void **state)
{
	drop_into_pipe(0);
}

/* Short writes and EAGAIN. */
static void test_drops_nonblocking(void **state)
{
	drop_into_pipe(O_NONBLOCK);
}

static void test_no_room_for_one(void **state)
{
	static char line[2 << 20];
	struct log_writer *w = log_writer_open(path_of("log"), -1, "lost %llu of them, 100%");

	memset(line, 'x', sizeof(line));
	line[99] = line[sizeof(line) - 1] = '\n';
	log_writer_write(w, line, sizeof(line)); /* two lines that would never fit */
	wait_for_size(path_of("log"), 21);       /* told without waiting for another line */
	put(w, "small\n");
	log_writer_close(&w);
	assert_file(path_of("log"), "lost 2 of them, 100%\nsmall\n");
}

static long cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec +
	       u.ru_stime.tv_usec;
}

/* A full disk loses lines but no time; when there is room again, it says how many. */
static void test_full_disk(void **state)
{
	struct log_writer *w;
	long cpu;

	if (access("/dev/full", W_OK) != 0)
		skip();
	assert_int_equal(symlink("/dev/full", path_of("link")), 0);
	w = log_writer_open(path_of("link"), -1, "lost %llu");
	assert_non_null(w);
	for (int i = 0; i < 3; i++) {
		put(w, "gone\n");
		usleep(30000);
	}
	put(w, "gone\ngone too\n");
	cpu = cpu_us();
	usleep(300000);
	assert_true(cpu_us() - cpu < 150000); /* no spinning */
	unlink(path_of("link"));
	assert_int_equal(symlink(path_of("log"), path_of("link")), 0);
	assert_int_equal(log_writer_reopen(w), 0);
	put(w, "room again\n");
	log_writer_close(&w);
	assert_file(path_of("log"), "room again\nlost 5\n");
}

static void test_full_disk_at_close(void **state)
{
	struct log_writer *w;

	if (access("/dev/full", W_OK) != 0)
		skip();
	assert_int_equal(symlink("/dev/full", path_of("link")), 0);
	w = log_writer_open(path_of("link"), -1, "lost %llu");
	put(w, "gone\n");
	log_writer_close(&w);
}

/* The disk fills up within a line: the next one begins a line of its own. */
static void test_torn_line(void **state)
{
	struct log_writer *w = log_writer_open(path_of("log"), -1, "lost %llu");
	struct rlimit old, small;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 12; /* SIGXFSZ goes to the thread, where it is blocked */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	put(w, "whole\n");
	wait_for_size(path_of("log"), 6);
	put(w, "this is torn\n");
	wait_for_size(path_of("log"), 12);
	usleep(50000);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	put(w, "next\n");
	log_writer_close(&w);
	assert_file(path_of("log"), "whole\nthis i\nnext\nlost 1\n");
}

/* A signal to the process is for the main thread, even while that one blocks it. */
static void test_signals(void **state)
{
	struct log_writer *w = log_writer_open(path_of("log"), -1, NULL);
	sigset_t set, old, pending;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, &old);
	assert_false(sigismember(&old, SIGTERM)); /* opening put the mask back */
	kill(getpid(), SIGUSR1);
	usleep(20000);
	sigpending(&pending);
	assert_true(sigismember(&pending, SIGUSR1));
	assert_int_equal(sigwait(&set, &sig), 0);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	log_writer_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(test_close_flushes),
		FILE_TEST(test_closes_unused),
		FILE_TEST(test_writes_at_once),
		FILE_TEST(test_open_fails),
		FILE_TEST(test_reopen),
		FILE_TEST(test_reopen_fails),
		FILE_TEST(test_threads),
		FILE_TEST(test_drops),
		FILE_TEST(test_drops_nonblocking),
		FILE_TEST(test_no_room_for_one),
		FILE_TEST(test_full_disk),
		FILE_TEST(test_full_disk_at_close),
		FILE_TEST(test_torn_line),
		FILE_TEST(test_signals),
	};

	return cmocka_run_group_tests_name("log_writer", tests, NULL, NULL);
}
