#include "bindings/ffi_api.h"

#include "base/err.h"
#include "base/log.h"
#include "bindings/dev_news.h"
#include "runtime/sched.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

void ml_dev_post(int kind, const char *p, size_t n)
{
	dev_news_post((enum dev_news_kind)kind, (struct span){p, n});
}

int ml_dev_news(double seq, ml_news *out)
{
	const struct dev_news *last = dev_news_last();

	out->seq = last->seq;
	out->kind = last->kind;
	out->p = last->text.p;
	out->n = last->text.n;
	if (last->seq > seq)
		return 0;
	if (sched_current() != NULL)
		dev_news_wait(sched_current());
	return ERR_AGAIN;
}

int ml_dev_broken(ml_news *out)
{
	struct span text = dev_news_broken();

	out->p = text.p;
	out->n = text.n;
	return text.p != NULL ? 0 : ERR_GONE;
}

/* A worker's parent is the master, which reloads all workers; it is there, or this one is ending.
 */
void ml_reload_request(const char *files, size_t n)
{
	struct log_line l;

	log_begin(&l, LOG_INFO, "reload.wanted");
	log_str(&l, "files", (struct span){files, n});
	log_end(&l);
	if (kill(getppid(), SIGHUP) != 0)
		log_event(LOG_ERROR, "reload.failed", "%s", strerror(errno));
}
