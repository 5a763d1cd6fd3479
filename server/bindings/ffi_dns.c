#include "bindings/ffi_api.h"

#include "runtime/dns.h"

double ml_dns_ask(int kind, const char *name, size_t n)
{
	return dns_ask((enum dns_kind)kind, (struct span){name, n});
}

int ml_dns_answer(double lookup, ml_piece *detail)
{
	struct span text;
	int rc = dns_answer(lookup, ml_task_self(), &text);

	*detail = (ml_piece){text.p, text.n, 0};
	return rc;
}

void ml_dns_hurry(double lookup)
{
	dns_hurry(lookup);
}

int ml_dns_record_at(double lookup, int i, ml_dns_record *out)
{
	struct dns_answer_record r;
	bool found = dns_record(lookup, (unsigned)i, &r);

	*out = (ml_dns_record){r.family, (int)r.ttl, (int)r.priority, (int)r.weight, (int)r.port,
		r.text.p, r.text.n};
	return found;
}

void ml_dns_free(double lookup)
{
	dns_free(lookup);
}
