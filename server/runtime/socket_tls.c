#include "runtime/socket_int.h"

int socket_tls_failed(struct socket *s, enum socket_side side, double task, int rc)
{
	const char *reason;

	if (rc == ERR_AGAIN)
		return socket_wait(s, side, task, tls_wants(s->tls));
	reason = tls_reason(s->tls);
	return socket_done(s, side, socket_fail(rc, reason[0] != '\0' ? reason : err_name(rc)));
}

static int shake(struct socket *s, enum socket_side side, double task)
{
	int rc = s->end < 0 ? s->end : tls_handshake(s->tls);

	if (rc == 0) {
		s->shaken = true;
		return 0;
	}
	if (rc != ERR_AGAIN)
		s->end = rc == ERR_CLOSED ? ERR_TLS : rc;
	return socket_tls_failed(s, side, task, rc == ERR_AGAIN ? rc : s->end);
}

int socket_secure(struct socket *s, enum socket_side side, double task)
{
	return LIKELY(s->tls == NULL || s->shaken) ? 0 : shake(s, side, task);
}

double socket_context_new(const struct tls_config *config)
{
	struct tls_ctx *ctx = NULL;
	struct context *c;
	int rc = ERR_SHUTDOWN;

	if (sockets.loop)
		rc = tls_ctx_new(&ctx, config, sockets.why, sizeof(sockets.why));
	if (rc < 0)
		return rc;
	c = slab_alloc(&sockets.contexts);
	if (!c) {
		tls_ctx_unref(&ctx);
		return socket_fail(ERR_QUEUE_FULL, "too many TLS contexts");
	}
	c->ctx = ctx;
	return slab_id(c);
}

static void drop_context(void *object, void *arg)
{
	struct context *c = object;

	tls_ctx_unref(&c->ctx);
	slab_free(&sockets.contexts, c);
}

void socket_context_drop(double context)
{
	struct context *c = sockets.loop ? slab_find(&sockets.contexts, context) : NULL;

	if (c)
		drop_context(c, NULL);
}

void socket_contexts_fini(void)
{
	slab_each(&sockets.contexts, drop_context, NULL);
	slab_fini(&sockets.contexts);
}

int socket_start_tls(struct socket *s, double context, const char *name)
{
	const struct context *c = slab_find(&sockets.contexts, context);

	if (!c)
		return socket_fail(ERR_GONE, "the TLS context is no more");
	if (s->state != SOCKET_STREAM || s->tls != NULL)
		return socket_fail(ERR_STATE, "it has TLS already, or is no stream");
	if (s->in.n > s->from)
		return socket_fail(ERR_TLS, "the peer sent bytes before TLS began");
	s->tls = tls_new(c->ctx, s->fd, name);
	s->drained = false;
	return s->tls != NULL ? 0 : socket_fail(ERR_TLS, "no session could be made");
}

int socket_shake(struct socket *s, double task)
{
	int rc;

	if (s->tls == NULL)
		return ERR_STATE;
	rc = socket_enter(s, SOCKET_READER, task);
	if (rc == 0)
		rc = socket_secure(s, SOCKET_READER, task);
	return rc < 0 ? rc : socket_done(s, SOCKET_READER, 0);
}

bool socket_tls_info(struct socket *s, struct tls_info *out)
{
	if (s->tls == NULL || !s->shaken)
		return false;
	tls_describe(s->tls, out);
	return true;
}
