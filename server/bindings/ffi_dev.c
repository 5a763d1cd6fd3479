#include "bindings/ffi_api.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "bindings/app_int.h"
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

/* What is in the way of new code while somebody writes it: a stream of the last but one, say. */
#define DEV_PATIENCE_US (CLOCK_SECOND / 2)

/* The master has all workers reload; it is there, or this one is ending. */
static void ask_master(void)
{
	if (kill(getppid(), SIGHUP) != 0)
		log_event(LOG_ERROR, "reload.failed", "%s", strerror(errno));
}

void ml_reload_request(const char *files, size_t n)
{
	struct log_line l;

	log_begin(&l, LOG_INFO, "reload.wanted");
	log_str(&l, "files", (struct span){files, n});
	log_end(&l);
	if (app.config.only_worker)
		app_reload("files", app.config.dev ? DEV_PATIENCE_US : APP_PATIENT);
	else
		ask_master();
}
