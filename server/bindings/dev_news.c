#include "bindings/dev_news.h"

#include "base/list.h"
#include "base/mem.h"
#include "runtime/task.h"

static struct {
	struct dev_news last; /* owns its text */
	struct span broken;   /* owned */
	struct list waiters;  /* tasks */
} room = {.waiters = {&room.waiters, &room.waiters}};

static void set_text(struct span *to, struct span text)
{
	mem_free((void *)to->p);
	*to = (struct span){mem_dup(text.p, text.n), text.n};
}

static void clear_text(struct span *to)
{
	mem_free((void *)to->p);
	*to = (struct span){NULL, 0};
}

static void wake_all(void)
{
	struct list *node;

	while ((node = list_take(&room.waiters)) != NULL)
		task_wake(container_of(node, struct task, wait_link));
}

void dev_news_post(enum dev_news_kind kind, struct span text)
{
	set_text(&room.last.text, text);
	room.last.kind = kind;
	room.last.seq++;
	if (kind == DEV_BROKEN)
		set_text(&room.broken, text);
	else if (kind == DEV_SWAPPED)
		clear_text(&room.broken);
	wake_all();
}

const struct dev_news *dev_news_last(void)
{
	return &room.last;
}

struct span dev_news_broken(void)
{
	return room.broken;
}

void dev_news_wait(struct task *t)
{
	list_del(&t->wait_link);
	list_add(&room.waiters, &t->wait_link);
}

void dev_news_teardown(void)
{
	ENSURE(list_empty(&room.waiters));
	clear_text(&room.last.text);
	clear_text(&room.broken);
	room.last = (struct dev_news){0};
}
