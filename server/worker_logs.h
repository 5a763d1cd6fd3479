#ifndef WORKER_LOGS_H
#define WORKER_LOGS_H

#include "process/options.h"

struct log_writer;

/* A worker's log and access log, as the options want them. */
struct worker_logs {
	struct log_writer *log, *access; /* owned; NULL: not open */
};

/* An exit code (process/exits.h); what is wrong is on stderr. check: the access log's format is
 * looked at, and nothing opened. */
int worker_logs_open(struct worker_logs *logs, const struct options *o);
int worker_logs_open_access(struct worker_logs *logs, const struct options *o, bool check);
void worker_logs_reopen(struct worker_logs *logs, const struct options *o); /* after a rotation */
void worker_logs_close(struct worker_logs *logs);

#endif
