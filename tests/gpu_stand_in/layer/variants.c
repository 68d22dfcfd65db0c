/* Copies of a program, or of a kernel, that were compiled under other macros. */
#include "layer.h"

void *variant_of(const struct variant *all, const char *header) {
    for (; all; all = all->next)
        if (!strcmp(all->header, header))
            return all->object;
    return NULL;
}

void *add_variant(struct variant **all, const char *header, void *object) {
    struct variant *variant = calloc(1, sizeof *variant);
    variant->header = strdup(header);
    variant->object = object;
    variant->next = *all;
    *all = variant;
    return object;
}
