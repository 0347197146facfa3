/* Pass 5: the session. Begin probes, event loop (timers, signals, child), end and error probes. */
#ifndef RUN_RUN_H
#define RUN_RUN_H

struct session;

/* Runs the compiled session to its end; returns the exit status of stap. */
int run_session(struct session *s);

#endif
