/* Programs: made to compile for the CPU what was written for an Intel GPU, and kept as source for variants. */
#include "layer.h"

/* What the GPU's compiler does otherwise: it takes pointers that clang 16 and later refuse, and its native_powr raises
 * the absolute value. By the specification, and on the CPU, a negative base gives NaN; rms_gpu_bfyx_opt.cl has them. */
static const char PRELUDE[] =
    "#pragma clang diagnostic warning \"-Wincompatible-pointer-types\"\n"
    "#define native_powr(x, y) native_powr(fabs(x), y)\n";

/* A kernel for the first convolution of image models, whose loops over 14 x 14 weights are unrolled, so that the CPU's
 * compiler works on it for more than ten minutes. They are left rolled. */
static const char HUGE_KERNEL[] = "convolution_gpu_bfyx_os_iyx_osv";
static const char UNROLLED[] = "__attribute__((opencl_unroll_hint)) for";
static const char ROLLED[] = "__attribute__((opencl_unroll_hint(1))) for";

/* What a program's "binary" is here: this, its options, its source. So variants can be built of a cache's as well. */
static const char MAGIC[8] = "StandIn1";

/* Without those that only the GPU's compiler knows. */
static char *known_options(const char *options) {
    char *all = strdup(options ? options : ""), *kept = calloc(1, strlen(all) + 2), *rest = NULL;
    for (char *word = strtok_r(all, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        if (strncmp(word, "-cl-intel-", 10) && strncmp(word, "-ze-", 4) && strcmp(word, "-Xfinalizer"))
            strcat(strcat(kept, word), " ");
    free(all);
    return kept;
}

static void note_failure(cl_program program, cl_device_id device, const char *options, cl_int error) {
    static char log[65536];
    log[0] = 0;
    below->clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, sizeof log - 1, log, NULL);
    note("clBuildProgram: error %d\noptions: %s\n%.20000s", error, options, log);
}

/* The same text, in memory of its own, with one word in place of another. Frees the first. */
static char *replaced(char *text, const char *word, const char *other) {
    char *result = NULL;
    size_t total = 0;
    FILE *out = open_memstream(&result, &total);
    const char *at = text;
    for (const char *next; (next = strstr(at, word)); at = next + strlen(word)) {
        fwrite(at, 1, (size_t)(next - at), out);
        fputs(other, out);
    }
    fputs(at, out);
    fclose(out);
    free(text);
    return result;
}

static cl_program CL_API_CALL create_program(cl_context context, cl_uint count, const char **parts,
                                             const size_t *lengths, cl_int *error) {
    char *source = NULL, *options = NULL;
    size_t total = 0;
    FILE *text = open_memstream(&source, &total);
    if (strncmp(parts[0], PRELUDE, sizeof PRELUDE - 1))
        fputs(PRELUDE, text);
    for (cl_uint i = 0; i < count; i++)
        fwrite(parts[i], 1, lengths && lengths[i] ? lengths[i] : strlen(parts[i]), text);
    fclose(text);
    if (strstr(source, HUGE_KERNEL))
        source = replaced(source, UNROLLED, ROLLED);
    cl_program handle = cached_program(context, source, &options);
    if (handle && error)
        *error = CL_SUCCESS;
    if (!handle)
        handle = below->clCreateProgramWithSource(context, 1, (const char **)&source, NULL, error);
    if (!handle) {
        free(source);
        return handle;
    }
    struct program *program = calloc(1, sizeof *program);
    program->context = context;
    program->source = source;
    program->options = options;
    program->from_cache = options != NULL;
    pthread_mutex_lock(&lock);
    remember(handle, program);
    pthread_mutex_unlock(&lock);
    return handle;
}

static cl_program CL_API_CALL create_program_with_binary(cl_context context, cl_uint count,
                                                         const cl_device_id *devices, const size_t *lengths,
                                                         const unsigned char **binaries, cl_int *status,
                                                         cl_int *error) {
    if (count != 1 || lengths[0] <= sizeof MAGIC || memcmp(binaries[0], MAGIC, sizeof MAGIC) ||
        binaries[0][lengths[0] - 1] != 0)
        return below->clCreateProgramWithBinary(context, count, devices, lengths, binaries, status, error);
    const char *options = (const char *)binaries[0] + sizeof MAGIC, *source = options + strlen(options) + 1;
    if (source >= (const char *)binaries[0] + lengths[0]) {
        if (error)
            *error = CL_INVALID_BINARY;
        return NULL;
    }
    if (status)
        *status = CL_SUCCESS;
    cl_program handle = create_program(context, 1, &source, NULL, error);
    pthread_mutex_lock(&lock);
    struct program *program = known(handle);
    if (program)
        program->packed = strdup(options);
    pthread_mutex_unlock(&lock);
    return handle;
}

static cl_int CL_API_CALL build_program(cl_program handle, cl_uint count, const cl_device_id *devices,
                                        const char *options, void(CL_CALLBACK *notify)(cl_program, void *),
                                        void *data) {
    pthread_mutex_lock(&lock);
    struct program *program = known(handle);
    char *kept = known_options(program && program->packed ? program->packed : options);
    int other = program && program->from_cache && strcmp(program->options, kept);
    pthread_mutex_unlock(&lock);
    cl_int error =
        other ? CL_INVALID_BUILD_OPTIONS : below->clBuildProgram(handle, count, devices, kept, notify, data);
    pthread_mutex_lock(&lock);
    if (program && devices) {
        if (error)
            note_failure(handle, devices[0], kept, error);
        else if (!program->from_cache)
            put_in_cache(handle, devices[0], program->source, kept);
        free(program->options);
        program->options = strdup(kept);
        program->device = devices[0];
    }
    pthread_mutex_unlock(&lock);
    free(kept);
    return error;
}

static cl_int packed(const struct program *program, cl_program_info what, size_t room, void *value,
                     size_t *length_ret) {
    size_t options = strlen(program->options) + 1, source = strlen(program->source) + 1;
    if (what == CL_PROGRAM_BINARY_SIZES)
        ANSWER(size_t, sizeof MAGIC + options + source);
    if (length_ret)
        *length_ret = sizeof(void *);
    char *to = value ? *(char **)value : NULL;
    if (to) {
        memcpy(to, MAGIC, sizeof MAGIC);
        memcpy(to + sizeof MAGIC, program->options, options);
        memcpy(to + sizeof MAGIC + options, program->source, source);
    }
    return CL_SUCCESS;
}

static cl_int CL_API_CALL get_program_info(cl_program handle, cl_program_info what, size_t room, void *value,
                                           size_t *length_ret) {
    if (what == CL_PROGRAM_BINARY_SIZES || what == CL_PROGRAM_BINARIES) {
        pthread_mutex_lock(&lock);
        struct program *program = known(handle);
        int ready = program && program->options;
        cl_int error = ready ? packed(program, what, room, value, length_ret) : CL_SUCCESS;
        pthread_mutex_unlock(&lock);
        if (ready)
            return error;
    }
    return below->clGetProgramInfo(handle, what, room, value, length_ret);
}

static cl_int CL_API_CALL release_program(cl_program handle) {
    cl_uint references = 0;
    below->clGetProgramInfo(handle, CL_PROGRAM_REFERENCE_COUNT, sizeof references, &references, NULL);
    pthread_mutex_lock(&lock);
    struct program *program = references == 1 ? forget(handle) : NULL;
    pthread_mutex_unlock(&lock);
    if (program) {
        for (struct variant *each = program->variants, *next; each; each = next) {
            next = each->next;
            below->clReleaseProgram(each->object);
            free(each->header);
            free(each);
        }
        free(program->source);
        free(program->options);
        free(program->packed);
        free(program);
    }
    return below->clReleaseProgram(handle);
}

/* The same program under these macros, built. Called with the lock held. */
cl_program program_variant(struct program *program, const char *header) {
    cl_program variant = variant_of(program->variants, header);
    if (variant)
        return variant;
    char *source, *options = NULL;
    if (asprintf(&source, "%s%s", header, program->source) < 0)
        return NULL;
    variant = cached_program(program->context, source, &options);
    if (!variant)
        variant = below->clCreateProgramWithSource(program->context, 1, (const char **)&source, NULL, NULL);
    cl_int error = below->clBuildProgram(variant, 1, &program->device, program->options, NULL, NULL);
    if (error)
        note_failure(variant, program->device, program->options, error);
    else if (!options)
        put_in_cache(variant, program->device, source, program->options);
    free(options);
    free(source);
    return add_variant(&program->variants, header, variant);
}

void use_programs(void) {
    ours.clCreateProgramWithSource = create_program;
    ours.clCreateProgramWithBinary = create_program_with_binary;
    ours.clGetProgramInfo = get_program_info;
    ours.clBuildProgram = build_program;
    ours.clReleaseProgram = release_program;
}
