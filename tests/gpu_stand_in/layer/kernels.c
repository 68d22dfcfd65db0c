/* Kernels and the arguments set on them, which a variant of a kernel needs too.
 *
 * A kernel holds its program, says the specification; the CPU runtime takes the program's handle for invalid once the
 * application has released it. So each kernel gets a reference of its own here.
 */
#include "layer.h"

static cl_int(CL_API_CALL *set_usm_below)(cl_kernel, cl_uint, const void *);

/* Called with the lock held. */
static struct kernel *add_kernel(cl_kernel handle, cl_program program) {
    size_t required = 0;
    struct program *owner = known(program);
    struct kernel *kernel = calloc(1, sizeof *kernel);
    below->clRetainProgram(program);
    kernel->program = program;
    below->clGetKernelInfo(handle, CL_KERNEL_FUNCTION_NAME, sizeof kernel->name, kernel->name, NULL);
    if (owner && owner->device && below->clGetKernelSubGroupInfo)
        below->clGetKernelSubGroupInfo(handle, owner->device, CL_KERNEL_COMPILE_SUB_GROUP_SIZE_INTEL, 0, NULL,
                                       sizeof required, &required, NULL);
    kernel->sub_group = required;
    remember(handle, kernel);
    return kernel;
}

static cl_int CL_API_CALL create_kernels(cl_program program, cl_uint room, cl_kernel *kernels, cl_uint *count) {
    cl_uint made = 0;
    cl_int error = below->clCreateKernelsInProgram(program, room, kernels, &made);
    pthread_mutex_lock(&lock);
    for (cl_uint i = 0; !error && kernels && i < made; i++)
        add_kernel(kernels[i], program);
    pthread_mutex_unlock(&lock);
    if (count)
        *count = made;
    return error;
}

static cl_kernel CL_API_CALL create_kernel(cl_program program, const char *name, cl_int *error) {
    cl_kernel kernel = below->clCreateKernel(program, name, error);
    if (kernel) {
        pthread_mutex_lock(&lock);
        add_kernel(kernel, program);
        pthread_mutex_unlock(&lock);
    }
    return kernel;
}

static void *copy(const void *value, size_t size) {
    return value ? memcpy(malloc(size ? size : 1), value, size) : NULL;
}

static cl_kernel CL_API_CALL clone_kernel(cl_kernel handle, cl_int *error) {
    cl_kernel clone = below->clCloneKernel(handle, error);
    pthread_mutex_lock(&lock);
    struct kernel *from = known(handle);
    if (clone && from) {
        struct kernel *to = add_kernel(clone, from->program);
        for (size_t i = 0; i < COUNT(to->arguments); i++) {
            to->arguments[i] = from->arguments[i];
            if (to->arguments[i].kind == PLAIN)
                to->arguments[i].value = copy(from->arguments[i].value, from->arguments[i].size);
        }
    }
    pthread_mutex_unlock(&lock);
    return clone;
}

static cl_int CL_API_CALL release_kernel(cl_kernel handle) {
    cl_uint references = 0;
    below->clGetKernelInfo(handle, CL_KERNEL_REFERENCE_COUNT, sizeof references, &references, NULL);
    pthread_mutex_lock(&lock);
    struct kernel *kernel = references == 1 ? forget(handle) : NULL;
    pthread_mutex_unlock(&lock);
    cl_int error = below->clReleaseKernel(handle);
    if (kernel) {
        for (struct variant *each = kernel->variants, *next; each; each = next) {
            next = each->next;
            below->clReleaseKernel(each->object);
            free(each->header);
            free(each);
        }
        for (size_t i = 0; i < COUNT(kernel->arguments); i++)
            if (kernel->arguments[i].kind == PLAIN)
                free(kernel->arguments[i].value);
        ours.clReleaseProgram(kernel->program);
        free(kernel);
    }
    return error;
}

static void keep_argument(cl_kernel handle, cl_uint index, int kind, size_t size, const void *value) {
    pthread_mutex_lock(&lock);
    struct kernel *kernel = known(handle);
    if (kernel && index < COUNT(kernel->arguments)) {
        struct argument *argument = &kernel->arguments[index];
        if (argument->kind == PLAIN)
            free(argument->value);
        argument->kind = kind;
        argument->size = size;
        argument->value = kind == PLAIN ? copy(value, size) : (void *)value;
    }
    pthread_mutex_unlock(&lock);
}

static cl_int CL_API_CALL set_argument(cl_kernel kernel, cl_uint index, size_t size, const void *value) {
    keep_argument(kernel, index, PLAIN, size, value);
    return below->clSetKernelArg(kernel, index, size, value);
}

static cl_int CL_API_CALL set_argument_svm(cl_kernel kernel, cl_uint index, const void *value) {
    keep_argument(kernel, index, SVM, 0, value);
    return below->clSetKernelArgSVMPointer(kernel, index, value);
}

static cl_int CL_API_CALL set_argument_usm(cl_kernel kernel, cl_uint index, const void *value) {
    keep_argument(kernel, index, USM, 0, value);
    return set_usm_below(kernel, index, value);
}

void *usm_argument_function(void *function) {
    *(void **)&set_usm_below = function;
    return (void *)set_argument_usm;
}

/* The same kernel in a program with these macros, its arguments set. Called with the lock held. */
cl_kernel kernel_variant(struct kernel *kernel, const char *header) {
    cl_kernel like = variant_of(kernel->variants, header);
    struct program *program = known(kernel->program);
    if (!like && program) {
        cl_int error = 0;
        like = below->clCreateKernel(program_variant(program, header), kernel->name, &error);
        if (!like) {
            note("no variant of %s: error %d", kernel->name, error);
            return NULL;
        }
        add_variant(&kernel->variants, header, like);
    }
    for (cl_uint i = 0; like && i < COUNT(kernel->arguments); i++) {
        struct argument *argument = &kernel->arguments[i];
        if (argument->kind == PLAIN)
            below->clSetKernelArg(like, i, argument->size, argument->value);
        else if (argument->kind == USM)
            set_usm_below(like, i, argument->value);
        else if (argument->kind == SVM)
            below->clSetKernelArgSVMPointer(like, i, argument->value);
    }
    return like;
}

void use_kernels(void) {
    ours.clCreateKernelsInProgram = create_kernels;
    ours.clCreateKernel = create_kernel;
    ours.clCloneKernel = clone_kernel;
    ours.clReleaseKernel = release_kernel;
    ours.clSetKernelArg = set_argument;
    ours.clSetKernelArgSVMPointer = set_argument_svm;
}
