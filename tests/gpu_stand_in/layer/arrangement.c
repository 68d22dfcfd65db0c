/* Sub-groups along any dimension.
 *
 * Intel's GPUs form sub-groups over the linear ids of a work-group, the CPU runtime along the first dimension only: a
 * work-group of (1, 1, 16) becomes 16 sub-groups of one item, and kernels that exchange values give wrong numbers. So
 * the dimensions are changed for the launch, and macros in the kernel change them back: the first one that is not 1
 * takes the place of the first, or all of them are laid out along it.
 */
#include "layer.h"

static const char SWAPPED[] =
    "#define STAND_IN_D(d) ((d) == 0 ? %d : (d) == %d ? 0 : (d))\n"
    "#define get_global_id(d) get_global_id(STAND_IN_D(d))\n"
    "#define get_local_id(d) get_local_id(STAND_IN_D(d))\n"
    "#define get_group_id(d) get_group_id(STAND_IN_D(d))\n"
    "#define get_global_size(d) get_global_size(STAND_IN_D(d))\n"
    "#define get_local_size(d) get_local_size(STAND_IN_D(d))\n"
    "#define get_enqueued_local_size(d) get_enqueued_local_size(STAND_IN_D(d))\n"
    "#define get_num_groups(d) get_num_groups(STAND_IN_D(d))\n"
    "#define reqd_work_group_size(x, y, z) reqd_work_group_size(%s)\n";
static const char IN_LINE[] =
    "#define STAND_IN_L(d, l) ((size_t)((d) == 0 ? (l) %% %zuu : (d) == 1 ? (l) / %zuu %% %zuu : (l) / %zuu))\n"
    "#define get_local_id(d) STAND_IN_L(d, get_local_id(0))\n"
    "#define get_local_size(d) ((size_t)((d) == 0 ? %zu : (d) == 1 ? %zu : (d) == 2 ? %zu : 1))\n"
    "#define get_enqueued_local_size(d) get_local_size(d)\n"
    "#define get_global_id(d) (get_group_id(d) * get_local_size(d) + get_local_id(d))\n"
    "#define get_global_size(d) (get_num_groups(d) * get_local_size(d))\n"
    "#define reqd_work_group_size(x, y, z) reqd_work_group_size((x) * (y) * (z), 1, 1)\n";

static void swap(size_t *one, size_t *other) {
    size_t kept = *one;
    *one = *other;
    *other = kept;
}

/* The macros for a launch, and its sizes changed accordingly; an empty text where nothing need be done. */
void arrange(size_t sub_group, size_t global[3], size_t local[3], char *header, size_t room) {
    header[0] = 0;
    if ((local[1] == 1 && local[2] == 1) || local[0] % sub_group == 0)
        return;
    int other = local[1] > 1 ? 1 : 2;
    if (local[0] == 1 && (local[other] % sub_group == 0 || local[3 - other] == 1)) {
        snprintf(header, room, SWAPPED, other, other, other == 1 ? "y, x, z" : "z, y, x");
        swap(&global[0], &global[other]);
        swap(&local[0], &local[other]);
        return;
    }
    snprintf(header, room, IN_LINE, local[0], local[0], local[1], local[0] * local[1], local[0], local[1], local[2]);
    global[0] *= local[1] * local[2];
    global[1] /= local[1];
    global[2] /= local[2];
    local[0] *= local[1] * local[2];
    local[1] = local[2] = 1;
}
