#include "bindings/ffi_api.h"

#include "base/clock.h"
#include "base/err.h"
#include "net/tls.h"
#include "runtime/socket.h"

double ml_socket_dial(const char *address, size_t n, const char *source, size_t source_n)
{
	return socket_dial((struct span){address, n}, (struct span){source, source_n});
}

int ml_socket_dialed(double id)
{
	struct socket *s = socket_find(id);

	return s != NULL ? socket_dialed(s, ml_task_self()) : ERR_GONE;
}

void ml_socket_close(double id)
{
	struct socket *s = socket_find(id);

	if (s != NULL)
		socket_close(s);
}

const char *ml_socket_why(void)
{
	return socket_why();
}

int ml_socket_pair_new(ml_socket_pair *out)
{
	double ids[2] = {0, 0};
	int rc = socket_pair(ids);

	*out = (ml_socket_pair){ids[0], ids[1]};
	return rc;
}

double ml_socket_listen(const char *address, size_t n, int backlog, int mode, int reuse_port)
{
	const struct socket_listen how = {backlog, (unsigned)mode, reuse_port != 0};

	return socket_listen((struct span){address, n}, &how);
}

double ml_socket_udp(
	const char *source, size_t source_n, const char *peer, size_t peer_n, int reuse_port)
{
	return socket_udp(
		(struct span){source, source_n}, (struct span){peer, peer_n}, reuse_port != 0);
}

int ml_socket_set(double id, int option, int value)
{
	struct socket *s = socket_find(id);

	return s != NULL ? socket_set(s, (enum socket_option)option, value) : ERR_GONE;
}

int ml_socket_is_open(double id)
{
	const struct socket *s = socket_find(id);

	return s != NULL && socket_is_open(s);
}

int ml_socket_is_idle(double id, int look)
{
	struct socket *s = socket_find(id);

	return s != NULL && socket_is_idle(s, look != 0);
}

void ml_socket_expire(double id, double seconds)
{
	struct socket *s = socket_find(id);
	uint64_t in_us = (uint64_t)(MIN(MAX(seconds, 0), 1e9) * CLOCK_SECOND);

	if (s != NULL)
		socket_expire(s, seconds < 0 ? 0 : clock_mono_us() + MAX(in_us, 1));
}

const char *ml_socket_name(double id, int peer)
{
	struct socket *s = socket_find(id);

	return s != NULL ? socket_name(s, peer != 0) : "";
}

double ml_tls_context_new(const ml_tls_config *c)
{
	const struct tls_config config = {
		.role = c->server ? TLS_SERVER : TLS_CLIENT,
		.ca = {c->ca, c->ca_n},
		.cert = {c->cert, c->cert_n},
		.key = {c->key, c->key_n},
		.alpn = {c->alpn, c->alpn_n},
		.verify = c->verify != 0,
		.tls12 = c->tls12 != 0,
	};

	return socket_context_new(&config);
}

void ml_tls_context_drop(double context)
{
	socket_context_drop(context);
}

int ml_socket_start_tls(double id, double context, const char *name)
{
	struct socket *s = socket_find(id);

	return s != NULL ? socket_start_tls(s, context, name[0] != '\0' ? name : NULL) : ERR_GONE;
}

static struct span tls_fact(const struct tls_info *info, int what)
{
	switch (what) {
	case ML_TLS_VERSION:
		return span_of(info->version);
	case ML_TLS_CIPHER:
		return span_of(info->cipher);
	case ML_TLS_ALPN:
		return info->alpn;
	case ML_TLS_SUBJECT:
		return span_of(info->subject);
	case ML_TLS_NAME:
		return span_of(info->name);
	default:
		return (struct span){"", 0};
	}
}

int ml_socket_tls(double id, int what, ml_piece *out)
{
	struct socket *s = socket_find(id);
	struct tls_info info;
	struct span fact;

	if (s == NULL)
		return ERR_GONE;
	if (!socket_tls_info(s, &info))
		return ERR_STATE;
	fact = tls_fact(&info, what);
	*out = (ml_piece){fact.p, fact.n, info.resumed};
	return 0;
}
