/* Faults on demand. CL_STAND_IN_FAULT names a file; once somebody has put a line into it, "fail 100", "hang 100" or
 * "abort 100", the process that launches the next kernel takes the file away and suffers that at the 100th launch from
 * there: CL_OUT_OF_RESOURCES then and ever after (as a real context that has been lost), a call that does not return,
 * the end of the process. So a test chooses the moment, and the process that takes its place is well again.
 */
#include "layer.h"

static char fault[16];
static unsigned long left;
static int lost;

static void look(void) {
    const char *path = setting("CL_STAND_IN_FAULT", NULL);
    char mine[600];
    if (!path || *fault || access(path, F_OK))
        return;
    snprintf(mine, sizeof mine, "%.500s.%d", path, (int)getpid());
    if (rename(path, mine)) /* another process was quicker */
        return;
    FILE *file = fopen(mine, "r");
    if (!file || fscanf(file, "%15s %lu", fault, &left) != 2)
        note("%s holds no fault", path);
    if (file)
        fclose(file);
    unlink(mine);
}

/* Counts one launch; what is to become of it. Called with the lock held. */
cl_int next_fault(void) {
    look();
    if (lost)
        return CL_OUT_OF_RESOURCES;
    if (!*fault || (left && --left))
        return CL_SUCCESS;
    note("fault: %s", fault);
    if (!strcmp(fault, "abort"))
        abort();
    while (!strcmp(fault, "hang"))
        pause();
    lost = 1;
    return CL_OUT_OF_RESOURCES;
}
