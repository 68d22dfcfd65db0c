/* The layer's settings, from the environment; its log; the form in which OpenCL answers queries.
 *
 * The names begin with CL_ so that the server's own filter hands them on to the workers. All are optional:
 *   CL_STAND_IN_DEVICES    1, or 2 for two GPUs
 *   CL_STAND_IN_DISCRETE   1: a card with memory of its own, instead of a GPU that shares the machine's
 *   CL_STAND_IN_MEMORY     bytes of memory that the GPU says it has;  CL_STAND_IN_MAX_ALLOC  of the largest buffer
 *   CL_STAND_IN_NAME       what it is called; must not hold "Xe" or "Gen12", from which the plugin concludes on int8
 *   CL_STAND_IN_CACHE      folder of compiled programs; without it every start compiles for a minute
 *   CL_STAND_IN_LOG        file that failures are appended to
 *   CL_STAND_IN_TRACE      file that every buffer is appended to: process, kind, bytes
 *   CL_STAND_IN_LAUNCHES   1: log every kernel that is launched
 *   CL_STAND_IN_FAULT      file that arms a fault (faults.c)
 */
#include "layer.h"
#include <stdarg.h>

const char *setting(const char *name, const char *otherwise) {
    const char *value = getenv(name);
    return value && *value ? value : otherwise;
}

unsigned long long number(const char *name, unsigned long long otherwise) {
    const char *value = setting(name, NULL);
    return value ? strtoull(value, NULL, 0) : otherwise;
}

void note(const char *format, ...) {
    const char *path = setting("CL_STAND_IN_LOG", NULL);
    FILE *file = path ? fopen(path, "a") : NULL;
    if (!file)
        return;
    va_list args;
    va_start(args, format);
    fprintf(file, "[%d] ", (int)getpid());
    vfprintf(file, format, args);
    fputc('\n', file);
    va_end(args);
    fclose(file);
}

cl_int answer(const void *data, size_t length, size_t room, void *value, size_t *length_ret) {
    if (length_ret)
        *length_ret = length;
    if (!value)
        return CL_SUCCESS;
    if (room < length)
        return CL_INVALID_VALUE;
    memcpy(value, data, length);
    return CL_SUCCESS;
}

cl_int answer_text(const char *text, size_t room, void *value, size_t *length_ret) {
    return answer(text, strlen(text) + 1, room, value, length_ret);
}
