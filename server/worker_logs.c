#include "worker_logs.h"

#include "base/ansi.h"
#include "base/log.h"
#include "base/log_writer.h"
#include "bindings/app.h"
#include "http/access_log.h"
#include "http/exchange.h"
#include "process/exits.h"
#include "runtime/sched.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What stands for lines that the disk was too slow for. */
static const char *lost(bool json)
{
	return json ? "{\"lost\":%llu}\n" : "# %llu lines lost: the disk is slower\n";
}

int worker_logs_open(struct worker_logs *logs, const struct options *o)
{
	logs->log = log_writer_open(o->log, STDERR_FILENO, lost(o->log_format == LOG_FORMAT_JSON));
	if (logs->log == NULL) {
		fprintf(stderr, "moonloop: --log %s: %s\n", o->log, strerror(errno));
		return EXIT_ENVIRONMENT;
	}
	log_set_level((enum log_level)o->log_level); /* a check has no master that did it */
	log_set_format((enum log_format)o->log_format);
	log_set_sink(log_writer_write, logs->log);
	return EXIT_OK;
}

/* For people both logs are one, in the order in which things happen. */
static bool is_one_log(const struct options *o)
{
	return strcmp(o->access_log_format, "pretty") == 0 && strcmp(o->access_log, o->log) == 0;
}

static int open_access_file(struct worker_logs *logs, const struct options *o)
{
	logs->access = log_writer_open(
		o->access_log, STDOUT_FILENO, lost(strcmp(o->access_log_format, "json") == 0));
	if (logs->access == NULL) {
		fprintf(stderr, "moonloop: --access-log %s: %s\n", o->access_log, strerror(errno));
		return EXIT_ENVIRONMENT;
	}
	if (!ansi_wanted(STDOUT_FILENO))
		ansi_set(false);
	access_log_set_sink(log_writer_write, logs->access);
	return EXIT_OK;
}

int worker_logs_open_access(struct worker_logs *logs, const struct options *o, bool check)
{
	char err[512];
	int rc = EXIT_OK;

	if (strcmp(o->access_log, "off") == 0)
		return EXIT_OK;
	if (access_log_compile(o->access_log_format, err, sizeof(err)) < 0) {
		fprintf(stderr, "moonloop: --access-log-format: %s\n", err);
		return EXIT_USAGE;
	}
	if (check)
		return EXIT_OK;
	if (is_one_log(o))
		access_log_set_sink(log_writer_write, logs->log);
	else
		rc = open_access_file(logs, o);
	if (rc != EXIT_OK)
		return rc;
	access_log_set_marks(o->slow_request_us, o->stall_report_us);
	access_log_hide(o->dev ? "/.moonloop/live" : NULL); /* no request of whoever develops */
	exchange_set_done(app_exchange_done);
	sched_set_timing(true);
	return EXIT_OK;
}

static void reopen_one(struct log_writer *writer, const char *path)
{
	if (writer != NULL && log_writer_reopen(writer) < 0)
		log_event(LOG_ERROR, "log.reopen_failed", "%s: %s; still writing to the old file",
			path, strerror(errno));
}

void worker_logs_reopen(struct worker_logs *logs, const struct options *o)
{
	reopen_one(logs->log, o->log);
	reopen_one(logs->access, o->access_log);
}

void worker_logs_close(struct worker_logs *logs)
{
	log_set_sink(NULL, NULL);
	access_log_set_sink(NULL, NULL);
	if (logs->access != NULL)
		log_writer_close(&logs->access);
	if (logs->log != NULL)
		log_writer_close(&logs->log);
}
