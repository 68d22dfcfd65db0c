/* Launches of kernels: arranged where needed (arrangement.c), counted for faults (faults.c), logged. */
#include "layer.h"

static void note_launch(const struct kernel *kernel, cl_int error, int arranged, const size_t *global,
                        const size_t *local) {
    note("launch of %s: error %d, sub-group %zu, %s, global %zu %zu %zu, local %zu %zu %zu",
         kernel ? kernel->name : "?", error, kernel ? kernel->sub_group : 0, arranged ? "arranged" : "as it is",
         global[0], global[1], global[2], local[0], local[1], local[2]);
}

static cl_int CL_API_CALL enqueue_kernel(cl_command_queue queue, cl_kernel handle, cl_uint dimensions,
                                         const size_t *offset, const size_t *global, const size_t *local,
                                         cl_uint waits, const cl_event *wait_list, cl_event *event) {
    size_t new_global[3] = {1, 1, 1}, new_local[3] = {1, 1, 1};
    char header[1024] = "";
    pthread_mutex_lock(&lock);
    struct kernel *kernel = known(handle);
    cl_int error = next_fault();
    memcpy(new_global, global, dimensions * sizeof *global);
    if (local)
        memcpy(new_local, local, dimensions * sizeof *local);
    if (kernel && kernel->sub_group && local && !offset)
        arrange(kernel->sub_group, new_global, new_local, header, sizeof header);
    cl_kernel like = *header && !error ? kernel_variant(kernel, header) : NULL;
    if (like) /* still locked: another thread may set this one's arguments */
        error = below->clEnqueueNDRangeKernel(queue, like, 3, NULL, new_global, new_local, waits, wait_list, event);
    pthread_mutex_unlock(&lock);
    if (!like && !error)
        error =
            below->clEnqueueNDRangeKernel(queue, handle, dimensions, offset, global, local, waits, wait_list, event);
    if (error || number("CL_STAND_IN_LAUNCHES", 0))
        note_launch(kernel, error, like != NULL, new_global, new_local);
    return error;
}

void use_launches(void) {
    ours.clEnqueueNDRangeKernel = enqueue_kernel;
}
