#include "runtime/dns_int.h"

#include "base/err.h"
#include "base/mem.h"

#include <ares.h>
#include <stdio.h>

static const char *what(enum dns_kind kind)
{
	switch (kind) {
	case DNS_ANY:
		return "address";
	case DNS_A:
		return "IPv4 address";
	case DNS_AAAA:
		return "IPv6 address";
	case DNS_MX:
		return "MX record";
	case DNS_TXT:
		return "TXT record";
	case DNS_SRV:
		return "SRV record";
	}
	return "record";
}

void dns_entry_fail(struct dns_entry *e, int rc, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	e->done = true;
	e->rc = rc;
	e->detail = mem_strdup(text);
}

void dns_entry_found(struct dns_entry *e)
{
	const struct dns_records *rs = &e->records;

	if (rs->n == 0) {
		dns_entry_fail(e, ERR_NOT_FOUND, "%s has no %s", e->name, what(e->kind));
		return;
	}
	/* The root as the target: RFC 2782, RFC 7505 3. */
	if ((e->kind == DNS_SRV || e->kind == DNS_MX) && rs->n == 1 && rs->v[0].n == 0) {
		dns_entry_fail(e, ERR_NOT_FOUND, "%s says that there is no such service", e->name);
		return;
	}
	e->done = true;
	e->rc = 0;
}

static void fail(struct dns_entry *e, const struct dns_outcome *o)
{
	switch (o->status) {
	case ARES_ENOTFOUND:
	case ARES_EBADNAME: /* too long with a domain of the search list behind it */
		e->no_name = true;
		dns_entry_fail(e, ERR_NOT_FOUND, "%s: no such name", e->name);
		break;
	case ARES_ENODATA:
		dns_entry_found(e);
		break;
	case ARES_ETIMEOUT:
		dns_entry_fail(e, ERR_TIMEOUT, "%s: %s did not answer", e->name, o->servers);
		break;
	case ARES_ECONNREFUSED:
		if (o->errnum != 0)
			dns_entry_fail(e, err_from_errno(o->errnum),
				"%s: no socket for the query: %s", e->name, strerror(o->errnum));
		else
			dns_entry_fail(e, ERR_REFUSED, "%s: %s could not be reached%s", e->name,
				o->servers, o->several ? ", or failed" : "");
		break;
	case ARES_EREFUSED:
		dns_entry_fail(e, ERR_REFUSED, "%s: %s refused to answer", e->name, o->servers);
		break;
	case ARES_ESERVFAIL:
		dns_entry_fail(e, ERR_FAILED, "%s: %s failed", e->name, o->servers);
		break;
	case ARES_EDESTRUCTION:
		dns_entry_fail(e, ERR_SHUTDOWN, "%s: the worker is shutting down", e->name);
		break;
	default:
		dns_entry_fail(
			e, ERR_FAILED, "%s: %s: %s", e->name, o->servers, ares_strerror(o->status));
		break;
	}
}

static uint32_t time_to_live(const struct dns_entry *e)
{
	const struct dns_records *rs = &e->records;

	if (e->rc == 0)
		return MIN(MAX(rs->ttl, DNS_TTL_MIN), DNS_TTL_MAX);
	if (e->rc != ERR_NOT_FOUND)
		return 0;
	if (!rs->has_ttl)
		return DNS_NEGATIVE_TTL;
	return MIN(MAX(rs->ttl, DNS_TTL_MIN), DNS_NEGATIVE_TTL_MAX);
}

void dns_entry_settle(struct dns_entry *e, const struct dns_outcome *o)
{
	bool readable = o->message.n == 0 || dns_message_read(&e->records, e->kind, o->message);

	if (o->status == ARES_SUCCESS && (!readable || o->message.n == 0))
		dns_entry_fail(e, ERR_FAILED, "%s: %s answered with garbage", e->name, o->servers);
	else if (o->status == ARES_SUCCESS)
		dns_entry_found(e);
	else
		fail(e, o);
	dns_cache_keep(e, time_to_live(e));
}
