/* The layer's two entry points, by which OpenCL's loader puts it between the plugin and the runtime
 * (cl_loader_layers: https://registry.khronos.org/OpenCL/specs/unified/html/OpenCL_Ext.html). */
#include "layer.h"

const struct _cl_icd_dispatch *below;
struct _cl_icd_dispatch ours;

static void *CL_API_CALL get_extension_function(cl_platform_id platform, const char *name) {
    void *function = below->clGetExtensionFunctionAddressForPlatform(platform, name);
    if (function && !strcmp(name, "clSetKernelArgMemPointerINTEL"))
        return usm_argument_function(function);
    return function ? memory_function(name, function) : NULL;
}

CL_API_ENTRY cl_int CL_API_CALL clGetLayerInfo(cl_layer_info what, size_t room, void *value, size_t *length_ret) {
    if (what == CL_LAYER_API_VERSION)
        ANSWER(cl_layer_api_version, CL_LAYER_API_VERSION_100);
    if (what == CL_LAYER_NAME)
        return answer_text("GPU stand-in: the CPU as an Intel GPU", room, value, length_ret);
    return CL_INVALID_VALUE;
}

CL_API_ENTRY cl_int CL_API_CALL clInitLayer(cl_uint entries, const struct _cl_icd_dispatch *target,
                                            cl_uint *entries_ret, const struct _cl_icd_dispatch **layer_ret) {
    if (!target || !layer_ret || !entries_ret || entries < sizeof ours / sizeof(void *))
        return CL_INVALID_VALUE;
    below = target;
    memcpy(&ours, target, sizeof ours);
    ours.clGetExtensionFunctionAddressForPlatform = get_extension_function;
    use_devices();
    use_programs();
    use_kernels();
    use_launches();
    use_memory();
    *layer_ret = &ours;
    *entries_ret = sizeof ours / sizeof(void *);
    return CL_SUCCESS;
}
