/* What the layer knows of the handles it has given out: a table from a handle to a struct of programs.c or kernels.c. */
#include "layer.h"

struct entry {
    void *handle, *what;
    struct entry *next;
};

#define BUCKETS 4096
static struct entry *table[BUCKETS];
pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct entry **place(void *handle) {
    struct entry **at = &table[((size_t)handle >> 4) % BUCKETS];
    while (*at && (*at)->handle != handle)
        at = &(*at)->next;
    return at;
}

void *known(void *handle) {
    struct entry *entry = handle ? *place(handle) : NULL;
    return entry ? entry->what : NULL;
}

void remember(void *handle, void *what) {
    struct entry **at = place(handle);
    if (!*at) {
        *at = calloc(1, sizeof **at);
        (*at)->handle = handle;
    }
    (*at)->what = what; /* an address used again belongs to something new */
}

void *forget(void *handle) {
    struct entry **at = place(handle), *entry = *at;
    if (!entry)
        return NULL;
    void *what = entry->what;
    *at = entry->next;
    free(entry);
    return what;
}
