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

int socket_start_tls(struct socket *s, struct tls_ctx *ctx, const char *name)
{
	sockets.why[0] = '\0';
	if (s->state != SOCKET_STREAM || s->tls != NULL)
		return socket_fail(ERR_STATE, "it has TLS already, or is no stream");
	if (s->in.n > s->from)
		return socket_fail(ERR_TLS, "the peer sent bytes before TLS began");
	s->tls = tls_new(ctx, s->fd, name);
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
