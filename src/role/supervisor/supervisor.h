#ifndef ROLE_SUPERVISOR_SUPERVISOR_H
#define ROLE_SUPERVISOR_SUPERVISOR_H

/* Serves the configuration at that path until SIGTERM or SIGINT; the exit code of the process.  What
   keeps it from starting is said on standard error, everything later by events. */
int supervisor_run(const char *config_path);

#endif
