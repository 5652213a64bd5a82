"""What happens to every world of a batch beside the step of simulation itself, as kernels of Warp.

W worlds, K reference states, Q positions, V degrees of freedom, J joints. `clock` (1,) is the step that is being done;
worlds whose reference has ended stay at its last state, and nothing of them is read any more.
"""

from __future__ import annotations

import warp as wp

from infinitedance_cli.stages.imitate.engines._rollout import BALANCE_SHARE, PLAN_EVERY, TORQUE_LIMIT

_LIMIT = wp.constant(TORQUE_LIMIT)
_SHARE = wp.constant(BALANCE_SHARE)
_AHEAD = wp.constant(PLAN_EVERY // 2)


@wp.func
def turn_between(start: wp.quat, end: wp.quat) -> wp.vec3:
    """Rotation vector, in the frame of `start`, that takes it to `end`; both (w, x, y, z)."""
    sx, sy, sz = -start[1], -start[2], -start[3]
    w = start[0] * end[0] - sx * end[1] - sy * end[2] - sz * end[3]
    x = start[0] * end[1] + sx * end[0] + sy * end[3] - sz * end[2]
    y = start[0] * end[2] - sx * end[3] + sy * end[0] + sz * end[1]
    z = start[0] * end[3] + sx * end[2] - sy * end[1] + sz * end[0]
    axis = wp.vec3(x, y, z)
    sine = wp.length(axis)
    angle = 2.0 * wp.atan2(sine, w)
    if angle > wp.pi:
        angle = angle - 2.0 * wp.pi
    if sine < 1.0e-12:
        return wp.vec3(0.0, 0.0, 0.0)
    return axis * (angle / sine)


@wp.func
def quaternion_at(values: wp.array2d[float], row: int, column: int) -> wp.quat:
    """Four values of a row as a quaternion."""
    return wp.quat(values[row, column], values[row, column + 1], values[row, column + 2], values[row, column + 3])


@wp.func
def reference_at(values: wp.array3d[float], world: int, state: int, column: int) -> wp.quat:
    """Four values of a reference state as a quaternion."""
    return wp.quat(
        values[world, state, column],
        values[world, state, column + 1],
        values[world, state, column + 2],
        values[world, state, column + 3],
    )


@wp.kernel(enable_backward=False)
def load_ahead(
    clock: wp.array[int],
    last: wp.array[int],
    position: wp.array3d[float],
    velocity: wp.array3d[float],
    acceleration: wp.array3d[float],
    qpos: wp.array2d[float],
    qvel: wp.array2d[float],
    qacc: wp.array2d[float],
) -> None:
    """Put the reference half a plan ahead into the data that plans; (W, Q)."""
    world, column = wp.tid()
    state = wp.min(clock[0] + _AHEAD, last[world])
    qpos[world, column] = position[world, state, column]
    if column < qvel.shape[1]:
        qvel[world, column] = velocity[world, state, column]
        qacc[world, column] = acceleration[world, state, column]


@wp.kernel(enable_backward=False)
def want_balance(
    clock: wp.array[int],
    last: wp.array[int],
    position: wp.array3d[float],
    velocity: wp.array3d[float],
    correction: wp.array3d[float],
    balance_stiffness: wp.array2d[float],
    balance_damping: wp.array2d[float],
    qpos: wp.array2d[float],
    qvel: wp.array2d[float],
    wanted: wp.array2d[float],
) -> None:
    """The root wrench that the floor is asked for besides: of the search, and to restore balance; (W,)."""
    world = wp.tid()
    state = wp.min(clock[0] + 1, last[world])
    turn = turn_between(quaternion_at(qpos, world, 3), reference_at(position, world, state, 3))
    for axis in range(6):
        error = wp.float32(0.0)
        if axis < 3:
            error = position[world, state, axis] - qpos[world, axis]
        else:
            error = turn[axis - 3]
        lag = velocity[world, state, axis] - qvel[world, axis]
        spring = balance_stiffness[world, axis] * error + balance_damping[world, axis] * lag
        wanted[world, axis] = correction[world, state - 1, axis] + _SHARE * spring


@wp.kernel(enable_backward=False)
def drive_joints(
    clock: wp.array[int],
    last: wp.array[int],
    joint_position: wp.array[int],
    joint_freedom: wp.array[int],
    position: wp.array3d[float],
    velocity: wp.array3d[float],
    planned: wp.array2d[float],
    stiffness: wp.array2d[float],
    damping: wp.array2d[float],
    qpos: wp.array2d[float],
    qvel: wp.array2d[float],
    applied: wp.array2d[float],
) -> None:
    """Servos and planned forces of each joint, the root's being help; (W, J)."""
    world, joint = wp.tid()
    state = wp.min(clock[0] + 1, last[world])
    shift = wp.where(joint == 0, 3, 0)
    place, freedom = joint_position[joint] + shift, joint_freedom[joint] + shift
    if joint == 0:
        for axis in range(3):
            error = position[world, state, axis] - qpos[world, axis]
            spring = stiffness[world, axis] * error + damping[world, axis] * velocity[world, state, axis]
            applied[world, axis] = spring + planned[world, axis]
    turn = turn_between(quaternion_at(qpos, world, place), reference_at(position, world, state, place))
    for axis in range(3):
        row = freedom + axis
        spring = stiffness[world, row] * turn[axis] + damping[world, row] * velocity[world, state, row]
        force = spring + planned[world, row]
        if joint > 0:
            braking = damping[world, row] * qvel[world, row]
            force = wp.clamp(force - braking, -_LIMIT, _LIMIT) + braking
        applied[world, row] = force


@wp.kernel(enable_backward=False)
def account(
    clock: wp.array[int],
    last: wp.array[int],
    substeps: int,
    applied: wp.array2d[float],
    damping: wp.array2d[float],
    qvel: wp.array2d[float],
    wrench: wp.array3d[float],
    power: wp.array2d[float],
) -> None:
    """Add help and power of the step just done to its frame; damping acts at the velocity after the step; (W,)."""
    world = wp.tid()
    if clock[0] >= last[world]:
        return
    frame = clock[0] / substeps
    share = 1.0 / float(substeps)
    total = wp.float32(0.0)
    for row in range(applied.shape[1]):
        speed = qvel[world, row]
        torque = applied[world, row] - damping[world, row] * speed
        if row < 6:
            wrench[world, frame, row] = wrench[world, frame, row] + share * torque
        else:
            total += wp.abs(torque * speed)
    power[world, frame] = power[world, frame] + share * total


@wp.kernel(enable_backward=False)
def feel_floor(
    clock: wp.array[int],
    last: wp.array[int],
    substeps: int,
    floor: int,
    column_of_geom: wp.array[int],
    contacts: wp.array[int],
    world_of_contact: wp.array[int],
    geoms: wp.array[wp.vec2i],
    frames: wp.array[wp.mat33],
    address: wp.array2d[int],
    force: wp.array2d[float],
    felt: wp.array4d[float],
) -> None:
    """Add the floor's forces of the step just done to their frame; (contacts,)."""
    contact = wp.tid()
    if contact >= wp.min(contacts[0], world_of_contact.shape[0]):
        return
    world = world_of_contact[contact]
    row = address[contact, 0]
    if clock[0] >= last[world] or row < 0 or geoms[contact][0] != floor:
        return
    share = 1.0 / float(substeps)
    local = wp.vec3(force[world, row], force[world, row + 1], force[world, row + 2])
    push = wp.transpose(frames[contact]) * local
    column = column_of_geom[geoms[contact][1]]
    for axis in range(3):
        wp.atomic_add(felt, world, clock[0] / substeps, column, axis, share * push[axis])


@wp.kernel(enable_backward=False)
def record(
    clock: wp.array[int],
    last: wp.array[int],
    substeps: int,
    body_of_joint: wp.array[int],
    qpos: wp.array2d[float],
    qvel: wp.array2d[float],
    warmstart: wp.array2d[float],
    body_position: wp.array2d[wp.vec3],
    poses: wp.array3d[float],
    joints: wp.array3d[wp.vec3],
    end_position: wp.array2d[float],
    end_velocity: wp.array2d[float],
    end_warmstart: wp.array2d[float],
) -> None:
    """Keep what ends a frame, and what ends the reference; (W, Q)."""
    world, column = wp.tid()
    step = clock[0]
    if step >= last[world] or step % substeps != substeps - 1:
        return
    frame = step / substeps
    poses[world, frame, column] = qpos[world, column]
    if column < joints.shape[2]:
        joints[world, frame, column] = body_position[world, body_of_joint[column]]
    if step == last[world] - 1:
        end_position[world, column] = qpos[world, column]
        if column < qvel.shape[1]:
            end_velocity[world, column] = qvel[world, column]
            end_warmstart[world, column] = warmstart[world, column]


@wp.kernel(enable_backward=False)
def tick(clock: wp.array[int]) -> None:
    """A step is done; (1,)."""
    clock[0] = clock[0] + 1


@wp.kernel(enable_backward=False)
def remember_most(row: int, values: wp.array[int], peak: wp.array[int]) -> None:
    """Keep the greatest of all values so far in a row of `peak`; (values,)."""
    wp.atomic_max(peak, row, values[wp.tid()])
