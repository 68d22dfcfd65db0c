/* The disguise: what platform and devices say of themselves.
 *
 * Version 12.0.0 is Tiger Lake, which has no systolic arrays (XMX), so that the plugin takes its OpenCL kernels and not
 * those of oneDNN, which would be machine code for a GPU.
 */
#include "layer.h"

#define MAX_DEVICES 2
static cl_device_id halves[MAX_DEVICES]; /* parts of the processor, where two devices are asked for */

/* The extensions of the runtime, and the one by which the plugin tells two devices apart. */
static cl_int extensions(cl_device_id device, size_t room, void *value, size_t *length_ret) {
    static const char more[] = " cl_khr_pci_bus_info";
    size_t length = 0;
    cl_int error = below->clGetDeviceInfo(device, CL_DEVICE_EXTENSIONS, 0, NULL, &length);
    if (error)
        return error;
    char *all = calloc(1, length + sizeof more);
    below->clGetDeviceInfo(device, CL_DEVICE_EXTENSIONS, length, all, NULL);
    strcat(all, more);
    error = answer_text(all, room, value, length_ret);
    free(all);
    return error;
}

static cl_int CL_API_CALL get_device_info(cl_device_id device, cl_device_info what, size_t room, void *value,
                                          size_t *length_ret) {
    static const size_t sub_group_sizes[] = {8, 16, 32};
    cl_uint place = device == halves[1] ? 1 : 0;
    cl_device_pci_bus_info_khr bus = {0, place, 2, 0};
    switch (what) {
    case CL_DEVICE_TYPE: ANSWER(cl_device_type, CL_DEVICE_TYPE_GPU);
    case CL_DEVICE_VENDOR_ID: ANSWER(cl_uint, 0x8086);
    case CL_DEVICE_VENDOR: return answer_text("Intel(R) Corporation", room, value, length_ret);
    case CL_DEVICE_NAME:
        return answer_text(setting("CL_STAND_IN_NAME", "Intel(R) Iris(R) Graphics [stand-in on the CPU]"), room, value,
                           length_ret);
    case CL_DEVICE_EXTENSIONS: return extensions(device, room, value, length_ret);
    case CL_DEVICE_MAX_COMPUTE_UNITS: ANSWER(cl_uint, 96);
    case CL_DEVICE_MAX_CLOCK_FREQUENCY: ANSWER(cl_uint, 1300);
    case CL_DEVICE_MAX_WORK_GROUP_SIZE: ANSWER(size_t, 512);
    case CL_DEVICE_LOCAL_MEM_SIZE: ANSWER(cl_ulong, 65536);
    case CL_DEVICE_LOCAL_MEM_TYPE: ANSWER(cl_device_local_mem_type, CL_LOCAL);
    case CL_DEVICE_SUB_GROUP_SIZES_INTEL:
        return answer(sub_group_sizes, sizeof sub_group_sizes, room, value, length_ret);
    case CL_DEVICE_HOST_UNIFIED_MEMORY: ANSWER(cl_bool, number("CL_STAND_IN_DISCRETE", 0) ? CL_FALSE : CL_TRUE);
    case CL_DEVICE_GLOBAL_MEM_SIZE:
        if (number("CL_STAND_IN_MEMORY", 0))
            ANSWER(cl_ulong, number("CL_STAND_IN_MEMORY", 0));
        break;
    case CL_DEVICE_MAX_MEM_ALLOC_SIZE:
        if (number("CL_STAND_IN_MAX_ALLOC", 0))
            ANSWER(cl_ulong, number("CL_STAND_IN_MAX_ALLOC", 0));
        break;
    case CL_DEVICE_PARTITION_MAX_SUB_DEVICES: ANSWER(cl_uint, 0);
    case CL_DEVICE_PARENT_DEVICE: ANSWER(cl_device_id, NULL);
    case CL_DEVICE_UUID_KHR: {
        unsigned char uuid[CL_UUID_SIZE_KHR] = "GPU stand-in #";
        uuid[CL_UUID_SIZE_KHR - 1] = (unsigned char)place;
        return answer(uuid, sizeof uuid, room, value, length_ret);
    }
    case CL_DEVICE_PCI_BUS_INFO_KHR: return answer(&bus, sizeof bus, room, value, length_ret);
    case CL_DEVICE_IP_VERSION_INTEL: ANSWER(cl_uint, 0x03000000);
    case CL_DEVICE_ID_INTEL: ANSWER(cl_uint, 0x9A49);
    case CL_DEVICE_NUM_SLICES_INTEL: ANSWER(cl_uint, 1);
    case CL_DEVICE_NUM_SUB_SLICES_PER_SLICE_INTEL: ANSWER(cl_uint, 6);
    case CL_DEVICE_NUM_EUS_PER_SUB_SLICE_INTEL: ANSWER(cl_uint, 16);
    case CL_DEVICE_NUM_THREADS_PER_EU_INTEL: ANSWER(cl_uint, 7);
    case CL_DEVICE_FEATURE_CAPABILITIES_INTEL: ANSWER(cl_device_feature_capabilities_intel, 0);
    default: break;
    }
    cl_int error = below->clGetDeviceInfo(device, what, room, value, length_ret);
    if (error)
        note("clGetDeviceInfo(0x%x): error %d", what, error);
    return error;
}

/* Two devices are two halves of the processor. */
static cl_int split(cl_device_id whole) {
    cl_uint units = 0, count = 0;
    if (halves[0])
        return CL_SUCCESS;
    below->clGetDeviceInfo(whole, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof units, &units, NULL);
    cl_device_partition_property by[] = {CL_DEVICE_PARTITION_EQUALLY, units / MAX_DEVICES, 0};
    cl_int error = below->clCreateSubDevices(whole, by, MAX_DEVICES, halves, &count);
    if (error)
        note("two devices cannot be had of %u processors: error %d", units, error);
    return error;
}

static cl_int CL_API_CALL get_device_ids(cl_platform_id platform, cl_device_type type, cl_uint room,
                                         cl_device_id *devices, cl_uint *count) {
    if (type != CL_DEVICE_TYPE_ALL && !(type & (CL_DEVICE_TYPE_GPU | CL_DEVICE_TYPE_DEFAULT))) {
        if (count)
            *count = 0;
        return CL_DEVICE_NOT_FOUND;
    }
    cl_device_id whole = NULL;
    cl_int error = below->clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &whole, NULL);
    if (error)
        return error;
    int two = number("CL_STAND_IN_DEVICES", 1) == MAX_DEVICES;
    pthread_mutex_lock(&lock);
    error = two ? split(whole) : CL_SUCCESS;
    pthread_mutex_unlock(&lock);
    if (error)
        return error;
    for (cl_uint i = 0; devices && i < room && i < (two ? MAX_DEVICES : 1); i++)
        devices[i] = two ? halves[i] : whole;
    if (count)
        *count = two ? MAX_DEVICES : 1;
    return CL_SUCCESS;
}

static cl_context CL_API_CALL create_context_from_type(
    const cl_context_properties *properties, cl_device_type type,
    void(CL_CALLBACK *notify)(const char *, const void *, size_t, void *), void *data, cl_int *error) {
    if (type & CL_DEVICE_TYPE_GPU)
        type = CL_DEVICE_TYPE_ALL;
    return below->clCreateContextFromType(properties, type, notify, data, error);
}

static cl_int CL_API_CALL get_platform_info(cl_platform_id platform, cl_platform_info what, size_t room, void *value,
                                            size_t *length_ret) {
    if (what == CL_PLATFORM_NAME)
        return answer_text("Intel(R) OpenCL Graphics", room, value, length_ret);
    return below->clGetPlatformInfo(platform, what, room, value, length_ret);
}

cl_device_id device_of(cl_context context) {
    cl_device_id device = NULL;
    below->clGetContextInfo(context, CL_CONTEXT_DEVICES, sizeof device, &device, NULL);
    return device;
}

void use_devices(void) {
    ours.clGetPlatformInfo = get_platform_info;
    ours.clGetDeviceIDs = get_device_ids;
    ours.clGetDeviceInfo = get_device_info;
    ours.clCreateContextFromType = create_context_from_type;
}
