/* What the files of the layer share; each has one subject. */
#ifndef GPU_STAND_IN_LAYER_H
#define GPU_STAND_IN_LAYER_H
#define _GNU_SOURCE
#define CL_TARGET_OPENCL_VERSION 300
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#define CL_USE_DEPRECATED_OPENCL_2_0_APIS
#define CL_USE_DEPRECATED_OPENCL_2_2_APIS
#include <CL/cl.h>
#include <CL/cl_ext.h>
#include <CL/cl_layer.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* layer.c: the functions below us (the runtime's), and ours. */
extern const struct _cl_icd_dispatch *below;
extern struct _cl_icd_dispatch ours;

/* settings.c: the environment, the log, answers to queries. */
const char *setting(const char *name, const char *otherwise);
unsigned long long number(const char *name, unsigned long long otherwise);
__attribute__((format(printf, 1, 2))) void note(const char *format, ...);
cl_int answer(const void *data, size_t length, size_t room, void *value, size_t *length_ret);
cl_int answer_text(const char *text, size_t room, void *value, size_t *length_ret);

/* objects.c: what is known of a handle. All of it is read and changed under `lock`. */
extern pthread_mutex_t lock;
void *known(void *handle);
void remember(void *handle, void *what);
void *forget(void *handle);

/* variants.c: the copies of a program or a kernel under other macros. */
struct variant {
    char *header; /* the macros; also the key */
    void *object; /* a cl_program or a cl_kernel */
    struct variant *next;
};
void *variant_of(const struct variant *all, const char *header);
void *add_variant(struct variant **all, const char *header, void *object);

/* devices.c */
cl_device_id device_of(cl_context context);
void use_devices(void);

/* program_cache.c: compiled programs on disk. */
cl_program cached_program(cl_context context, const char *source, char **options);
void put_in_cache(cl_program program, cl_device_id device, const char *source, const char *options);

/* programs.c */
struct program {
    cl_context context;
    cl_device_id device; /* it was built for */
    char *source;
    char *options;  /* it was built with */
    int from_cache; /* whether it was made of a file that was built with `options` */
    char *packed;   /* the options that its "binary" names; the plugin then gives none */
    struct variant *variants;
};
cl_program program_variant(struct program *program, const char *header);
void use_programs(void);

/* kernels.c */
struct argument {
    enum { NOT_SET, PLAIN, USM, SVM } kind;
    size_t size;
    void *value; /* PLAIN: a copy, or NULL for local memory; else the pointer itself */
};
struct kernel {
    cl_program program;
    char name[512];
    size_t sub_group; /* items of one sub-group, where the kernel asks for a size; else 0 */
    struct argument arguments[128];
    struct variant *variants;
};
cl_kernel kernel_variant(struct kernel *kernel, const char *header);
void *usm_argument_function(void *function);
void use_kernels(void);

/* arrangement.c: launches whose sub-groups do not lie along the first dimension. */
void arrange(size_t sub_group, size_t global[3], size_t local[3], char *header, size_t room);

/* faults.c */
cl_int next_fault(void);

/* launches.c */
void use_launches(void);

/* memory.c */
void *memory_function(const char *name, void *function);
void use_memory(void);

#define ANSWER(type, what)                                      \
    do {                                                        \
        type it = (type)(what);                                 \
        return answer(&it, sizeof it, room, value, length_ret); \
    } while (0)
#define COUNT(array) (sizeof(array) / sizeof *(array))
#endif
