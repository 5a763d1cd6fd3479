#include "bindings/ffi_api.h"

#include "base/log.h"

/* One line under construction per thread: the loop's tasks and the pool's jobs log alike. */
static _Thread_local struct log_line line;

int ml_log_on(int level)
{
	return log_enabled((enum log_level)level);
}

void ml_log_begin(int level, const char *event)
{
	log_begin(&line, (enum log_level)level, event);
}

void ml_log_str(const char *key, const char *p, size_t n)
{
	log_str(&line, key, (struct span){p, n});
}

void ml_log_num(const char *key, double v)
{
	log_num(&line, key, v);
}

void ml_log_text(const char *key, const char *p, size_t n)
{
	log_text(&line, key, (struct span){p, n});
}

void ml_log_end(void)
{
	log_end(&line);
}
