/* Compiled programs on disk, so that a second start takes seconds.
 *
 * A file holds the build options, a zero, the runtime's binary. Its name is made of the runtime's version, its target
 * and the source. The options are compared when the program is built: only then are they known.
 */
#include "layer.h"

static int cache_path(cl_device_id device, const char *source, char *path, size_t room) {
    const char *directory = setting("CL_STAND_IN_CACHE", NULL);
    char version[512] = "";
    if (!directory)
        return 0;
    below->clGetDeviceInfo(device, CL_DRIVER_VERSION, 256, version, NULL);
    strncat(version, setting("CL_CONFIG_CPU_TARGET_ARCH", ""), 100);
    unsigned __int128 prime = ((unsigned __int128)1 << 88) + 0x13b; /* FNV-1a, 128 bits */
    unsigned __int128 hash = ((unsigned __int128)0x6c62272e07bb0142ULL << 64) + 0x62b821756295c58dULL;
    for (const char *at = version; *at; at++)
        hash = (hash ^ (unsigned char)*at) * prime;
    for (const char *at = source; *at; at++)
        hash = (hash ^ (unsigned char)*at) * prime;
    snprintf(path, room, "%s/%016llx%016llx", directory, (unsigned long long)(hash >> 64), (unsigned long long)hash);
    return 1;
}

static char *read_all(const char *path, size_t *length) {
    FILE *file = fopen(path, "r");
    if (!file)
        return NULL;
    fseek(file, 0, SEEK_END);
    *length = (size_t)ftell(file);
    rewind(file);
    char *text = malloc(*length + 1);
    *length = fread(text, 1, *length, file);
    text[*length] = 0;
    fclose(file);
    return text;
}

/* A program of this source, and the options it was built with; NULL where there is none. */
cl_program cached_program(cl_context context, const char *source, char **options) {
    char path[512];
    size_t length = 0;
    cl_device_id device = device_of(context);
    char *text = cache_path(device, source, path, sizeof path) ? read_all(path, &length) : NULL;
    if (!text)
        return NULL;
    size_t head = strlen(text) + 1, size = length > head ? length - head : 0;
    const unsigned char *binary = (unsigned char *)text + head;
    cl_program program =
        size ? below->clCreateProgramWithBinary(context, 1, &device, &size, &binary, NULL, NULL) : NULL;
    if (program)
        *options = strdup(text);
    free(text);
    return program;
}

void put_in_cache(cl_program program, cl_device_id device, const char *source, const char *options) {
    char path[512], draft[600];
    size_t size = 0;
    if (!cache_path(device, source, path, sizeof path) ||
        below->clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL) || !size)
        return;
    unsigned char *binary = malloc(size);
    snprintf(draft, sizeof draft, "%s.%d.%lx", path, (int)getpid(), (unsigned long)pthread_self());
    cl_int error = below->clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL);
    FILE *file = error ? NULL : fopen(draft, "w");
    if (file) {
        fwrite(options, 1, strlen(options) + 1, file);
        fwrite(binary, 1, size, file);
        if (fclose(file) || rename(draft, path))
            unlink(draft);
    }
    free(binary);
}
