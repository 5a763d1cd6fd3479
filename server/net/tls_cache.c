#include "net/tls_int.h"

#include "base/mem.h"

#include <time.h>

struct cached {
	struct list node;
	SSL_SESSION *session; /* owned; of no connection */
	char *name;           /* owned */
};

void tls_cache_init(struct tls_cache *c)
{
	list_init(&c->names);
	c->n = 0;
}

static void forget(struct tls_cache *c, struct cached *e)
{
	list_del(&e->node);
	c->n--;
	SSL_SESSION_free(e->session);
	mem_free(e->name);
	mem_free(e);
}

void tls_cache_fini(struct tls_cache *c)
{
	while (!list_empty(&c->names))
		forget(c, container_of(c->names.next, struct cached, node));
}

static struct cached *find(struct tls_cache *c, const char *name)
{
	for (struct list *l = c->names.next; l != &c->names; l = l->next) {
		struct cached *e = container_of(l, struct cached, node);

		if (strcmp(e->name, name) == 0)
			return e;
	}
	return NULL;
}

void tls_cache_drop(struct tls_cache *c, const char *name)
{
	struct cached *e = find(c, name);

	if (e != NULL)
		forget(c, e);
}

/* OpenSSL spoils the session of a connection that ends without a close_notify, so we keep copies.
 */
static SSL_SESSION *copy(const SSL_SESSION *s)
{
	SSL_SESSION *dup = SSL_SESSION_dup(s);

	TLS_MUST(dup != NULL);
	return dup;
}

void tls_cache_put(struct tls_cache *c, const char *name, const SSL_SESSION *session)
{
	struct cached *e = mem_alloc(sizeof(*e));

	tls_cache_drop(c, name);
	if (c->n == TLS_CACHE_NAMES)
		forget(c, container_of(c->names.next, struct cached, node));
	e->session = copy(session);
	e->name = mem_strdup(name);
	list_add(&c->names, &e->node);
	c->n++;
}

/* What was verified with it was verified then: so its age is our concern too, not the peer's only.
 */
static bool is_good(SSL_SESSION *s)
{
	return SSL_SESSION_is_resumable(s) &&
	       time(NULL) - SSL_SESSION_get_time(s) < SSL_SESSION_get_timeout(s);
}

SSL_SESSION *tls_cache_take(struct tls_cache *c, const char *name)
{
	struct cached *e = find(c, name);
	SSL_SESSION *s;

	if (e == NULL)
		return NULL;
	if (!is_good(e->session)) {
		forget(c, e);
		return NULL;
	}
	s = copy(e->session);
	if (SSL_SESSION_get_protocol_version(s) >= TLS1_3_VERSION) {
		forget(c, e);
		return s;
	}
	list_del(&e->node);
	list_add(&c->names, &e->node);
	return s;
}
