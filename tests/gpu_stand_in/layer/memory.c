/* Buffers: every one of at least a page is written to CL_STAND_IN_TRACE, a line "process kind bytes" each. */
#include "layer.h"

#define SMALLEST 4096

static void *(CL_API_CALL *allocate_below)(cl_context, cl_device_id, const cl_ulong *, size_t, cl_uint, cl_int *);
static void *(CL_API_CALL *allocate_host_below)(cl_context, const cl_ulong *, size_t, cl_uint, cl_int *);

static void trace(const char *kind, size_t size) {
    const char *path = setting("CL_STAND_IN_TRACE", NULL);
    FILE *file = path && size >= SMALLEST ? fopen(path, "a") : NULL;
    if (file) {
        fprintf(file, "%d %s %zu\n", (int)getpid(), kind, size);
        fclose(file);
    }
}

static void *CL_API_CALL allocate(cl_context context, cl_device_id device, const cl_ulong *properties, size_t size,
                                  cl_uint alignment, cl_int *error) {
    trace("device", size);
    return allocate_below(context, device, properties, size, alignment, error);
}

static void *CL_API_CALL allocate_host(cl_context context, const cl_ulong *properties, size_t size, cl_uint alignment,
                                       cl_int *error) {
    trace("host", size);
    return allocate_host_below(context, properties, size, alignment, error);
}

static cl_mem CL_API_CALL create_buffer(cl_context context, cl_mem_flags flags, size_t size, void *host,
                                        cl_int *error) {
    trace("buffer", size);
    return below->clCreateBuffer(context, flags, size, host, error);
}

/* Ours in place of an extension's function, or that itself. */
void *memory_function(const char *name, void *function) {
    if (!strcmp(name, "clDeviceMemAllocINTEL")) {
        *(void **)&allocate_below = function;
        return (void *)allocate;
    }
    if (!strcmp(name, "clHostMemAllocINTEL")) {
        *(void **)&allocate_host_below = function;
        return (void *)allocate_host;
    }
    return function;
}

void use_memory(void) {
    ours.clCreateBuffer = create_buffer;
}
