#include "net/pulse.h"

#include <sys/mman.h>

static struct pulse private_pulse = {.polling = true};

struct pulse *pulse = &private_pulse;

void pulse_use(struct pulse *p)
{
	pulse = p != NULL ? p : &private_pulse;
}

struct pulse *pulse_map(void)
{
	struct pulse *p =
		mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	atomic_store(&p->polling, true);
	return p;
}

void pulse_unmap(struct pulse **p)
{
	if (*p != NULL)
		munmap(*p, sizeof(**p));
	*p = NULL;
}
