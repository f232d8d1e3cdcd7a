/*
 * The log: one line an event, on standard error. A fixed event name, then key=value; never payload,
 * titles, names or secrets. The level and the sink are the only mutable globals of the product.
 */
#ifndef FIVEPITS_LOG_H
#define FIVEPITS_LOG_H

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* What is logged: everything up to `level`. The default is LOG_INFO. */
void log_level_set(enum log_level level);
enum log_level log_level_get(void);

/* Send lines to `sink` instead of standard error (NULL: standard error again). For tests. */
void log_sink_set(void (*sink)(enum log_level level, const char *line));

void log_line(enum log_level level, const char *event, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) (log_level_get() >= LOG_DEBUG ? log_line(LOG_DEBUG, __VA_ARGS__) : (void)0)

#endif
