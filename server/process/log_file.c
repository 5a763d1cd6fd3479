#include "process/log_file.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int log_fd = -1; /* owned; -1: stderr */

/* A line that cannot be written is lost: there is no place left to say so. */
static void write_line(void *arg, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t written = write(log_fd, bytes, n);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return;
		bytes += written;
		n -= (size_t)written;
	}
}

static int open_file(const char *path)
{
	return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

int log_file_open(const char *path, char *err, size_t cap)
{
	if (strcmp(path, "-") == 0)
		return 0;
	log_fd = open_file(path);
	if (log_fd < 0) {
		snprintf(err, cap, "cannot open the log %.200s: %s", path, strerror(errno));
		return -1;
	}
	log_set_sink(write_line, NULL);
	return 0;
}

void log_file_reopen(const char *path)
{
	int fd;

	if (log_fd < 0)
		return;
	fd = open_file(path);
	if (fd < 0) {
		log_event(LOG_ERROR, "log.reopen_failed", "%s: %s", path, strerror(errno));
		return;
	}
	close(log_fd);
	log_fd = fd;
}

void log_file_close(void)
{
	log_set_sink(NULL, NULL);
	if (log_fd >= 0)
		close(log_fd);
	log_fd = -1;
}
