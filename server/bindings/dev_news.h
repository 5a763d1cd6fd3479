#ifndef BINDINGS_DEV_NEWS_H
#define BINDINGS_DEV_NEWS_H

#include "base/span.h"

struct task;

/*
 * The last news of this worker, for who develops: a page in a browser and the watcher of files wait
 * for it. It stands outside of any Lua state, so that what the loading of one finds out reaches
 * the tasks of another.
 *
 * Only the last one is kept: whoever comes late learns how things are, not how they came about.
 * That the newest code is broken is such a state: it lasts until other code is swapped in. Texts
 * are Lua's, opaque here. Feed and run phases; the loop's thread.
 */
enum dev_news_kind {     /* the numbers are known to lua/moonloop/core/news.lua */
	DEV_SWAPPED = 1, /* other code serves from now on */
	DEV_BROKEN = 2,  /* code that was to be swapped in does not start */
	DEV_RAISED = 3,  /* a response was cut off by an error */
};

struct dev_news {
	double seq; /* 1, 2, …; 0: there was none */
	enum dev_news_kind kind;
	struct span text; /* valid until the next post */
};

void dev_news_post(enum dev_news_kind kind, struct span text); /* wakes who waits; text is copied */

const struct dev_news *dev_news_last(void);

/* DEV_BROKEN since the last DEV_SWAPPED: its text; p is NULL: nothing is broken. */
struct span dev_news_broken(void);

void dev_news_wait(struct task *t); /* it is woken by the next post, once */

void dev_news_teardown(void);

#endif
