#include "process/pid_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int pid_file_write(const char *path, char *err, size_t cap)
{
	FILE *f;
	bool written;

	if (path[0] == '\0')
		return 0;
	f = fopen(path, "we");
	if (f != NULL) {
		written = fprintf(f, "%ld\n", (long)getpid()) > 0;
		if (fclose(f) == 0 && written)
			return 0;
	}
	snprintf(err, cap, "cannot write the pid file %.200s: %s", path, strerror(errno));
	return -1;
}

void pid_file_remove(const char *path)
{
	FILE *f = path[0] != '\0' ? fopen(path, "re") : NULL;
	long pid = 0;
	bool ours;

	if (f == NULL)
		return;
	ours = fscanf(f, "%ld", &pid) == 1 && pid == (long)getpid();
	fclose(f);
	/* Nobody waits for the answer, and a file that is left names a dead process. */
	if (ours)
		(void)unlink(path);
}
