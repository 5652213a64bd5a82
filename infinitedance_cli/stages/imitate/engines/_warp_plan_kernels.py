"""The kernels of `_warp_plan`.

The least squares of `_contact_plan`, min ½|A x − b|² + ½ Σ p x² over x ≥ 0 with six rows A, is solved by its dual: with
x(y) = max(0, Aᵀy) / p, find the y (6,) at which y + A x(y) = b. That is the gradient of a convex, piecewise quadratic
function of y, whose least value Newton's method with a line search finds in a few steps.
"""

from __future__ import annotations

import warp as wp

from infinitedance_cli.stages.imitate.engines._contact_plan import EDGES, FAR_M, FAST_M_S, PRICE

SLOTS_PER_GEOM = 2
"""A capsule touches a plane at two points at most, a sphere at one."""

_EDGE_COUNT = wp.constant(len(EDGES))
_PRICE, _FAR, _FAST = wp.constant(PRICE), wp.constant(FAR_M), wp.constant(FAST_M_S)
_SLOTS = wp.constant(SLOTS_PER_GEOM)
_NEWTON_STEPS, _HALVINGS = wp.constant(40), wp.constant(30)
_TOLERANCE = wp.constant(wp.float64(1e-11))
edge_matrix = wp.types.matrix(shape=EDGES.shape, dtype=wp.float32)
_EDGES = wp.constant(edge_matrix(*EDGES.ravel().tolist()))
vector6 = wp.types.vector(length=6, dtype=wp.float64)
matrix6 = wp.types.matrix(shape=(6, 6), dtype=wp.float64)


@wp.func
def edge(index: int) -> wp.vec3:
    """Direction of an edge of the friction pyramid."""
    return wp.vec3(_EDGES[index, 0], _EDGES[index, 1], _EDGES[index, 2])


@wp.func
def column_of_jacobian(
    ancestors: wp.array2d[int],
    roots: wp.array[int],
    centres: wp.array2d[wp.vec3],
    axes: wp.array2d[wp.spatial_vector],
    world: int,
    body: int,
    freedom: int,
    point: wp.vec3,
) -> wp.vec3:
    """Velocity of a point of a body for a unit velocity of one degree of freedom."""
    if ancestors[body, freedom] == 0:
        return wp.vec3(0.0, 0.0, 0.0)
    axis = axes[world, freedom]
    return wp.spatial_bottom(axis) + wp.cross(wp.spatial_top(axis), point - centres[world, roots[body]])


@wp.kernel(enable_backward=False)
def find_contacts(
    floor: int,
    contacts: wp.array[int],
    world_of_contact: wp.array[int],
    geoms: wp.array[wp.vec2i],
    number: wp.array[int],
    distance: wp.array[float],
    place: wp.array[wp.vec3],
    slot_distance: wp.array2d[float],
    slot_place: wp.array2d[wp.vec3],
    slot_used: wp.array2d[int],
) -> None:
    """Sort the floor's contacts into the slots of their worlds, always the same way; (contacts,)."""
    contact = wp.tid()
    if contact >= wp.min(contacts[0], world_of_contact.shape[0]) or geoms[contact][0] != floor:
        return
    world, slot = world_of_contact[contact], geoms[contact][1] * _SLOTS + number[contact]
    slot_distance[world, slot] = distance[contact]
    slot_place[world, slot] = place[contact]
    slot_used[world, slot] = 1


@wp.kernel(enable_backward=False)
def price_contacts(
    body_of_geom: wp.array[int],
    ancestors: wp.array2d[int],
    roots: wp.array[int],
    centres: wp.array2d[wp.vec3],
    axes: wp.array2d[wp.spatial_vector],
    qvel: wp.array2d[float],
    slot_used: wp.array2d[int],
    slot_distance: wp.array2d[float],
    slot_place: wp.array2d[wp.vec3],
    generators: wp.array4d[float],
    prices: wp.array2d[float],
) -> None:
    """What each edge of each contact does to the root, and what it costs; (W, S)."""
    world, slot = wp.tid()
    if slot_used[world, slot] == 0:
        return
    body, point = body_of_geom[slot / _SLOTS], slot_place[world, slot]
    speed = wp.vec3(0.0, 0.0, 0.0)
    for freedom in range(qvel.shape[1]):
        column = column_of_jacobian(ancestors, roots, centres, axes, world, body, freedom, point)
        speed += column * qvel[world, freedom]
        if freedom < 6:
            for index in range(_EDGE_COUNT):
                generators[world, slot, index, freedom] = wp.dot(edge(index), column)
    far = wp.max(slot_distance[world, slot], 0.0) / _FAR
    prices[world, slot] = _PRICE * (1.0 + 3.0 * far * far + wp.dot(speed, speed) / (_FAST * _FAST))


@wp.func
def generator_at(generators: wp.array4d[float], world: int, slot: int, index: int) -> vector6:
    """What one edge does to the root."""
    found = vector6()
    for axis in range(6):
        found[axis] = wp.float64(generators[world, slot, index, axis])
    return found


@wp.func
def dual_value(
    generators: wp.array4d[float],
    prices: wp.array2d[float],
    slot_used: wp.array2d[int],
    world: int,
    b: vector6,
    y: vector6,
) -> wp.float64:
    """½|y|² − bᵀy + ½ Σ max(0, aᵀy)² / p."""
    value = wp.float64(0.5) * wp.dot(y, y) - wp.dot(b, y)
    for slot in range(slot_used.shape[1]):
        if slot_used[world, slot] == 1:
            for index in range(_EDGE_COUNT):
                pull = wp.max(wp.dot(generator_at(generators, world, slot, index), y), wp.float64(0.0))
                value += wp.float64(0.5) * pull * pull / wp.float64(prices[world, slot])
    return value


@wp.func
def solved(matrix: matrix6, right: vector6) -> vector6:
    """Solution of a symmetric positive definite system, by Cholesky's method."""
    lower = matrix6()
    for row in range(6):
        for column in range(row + 1):
            total = matrix[row, column]
            for k in range(column):
                total -= lower[row, k] * lower[column, k]
            if row == column:
                lower[row, column] = wp.sqrt(total)
            else:
                lower[row, column] = total / lower[column, column]
    half = vector6()
    for row in range(6):
        total = right[row]
        for k in range(row):
            total -= lower[row, k] * half[k]
        half[row] = total / lower[row, row]
    found = vector6()
    for back in range(6):
        row = 5 - back
        total = half[row]
        for k in range(row + 1, 6):
            total -= lower[k, row] * found[k]
        found[row] = total / lower[row, row]
    return found


@wp.func
def dual_slope(
    generators: wp.array4d[float],
    prices: wp.array2d[float],
    slot_used: wp.array2d[int],
    world: int,
    b: vector6,
    y: vector6,
) -> tuple[vector6, matrix6]:
    """Gradient and second derivatives of `dual_value`."""
    gradient, matrix = y - b, wp.identity(6, dtype=wp.float64)
    for slot in range(slot_used.shape[1]):
        if slot_used[world, slot] == 1:
            price = wp.float64(prices[world, slot])
            for index in range(_EDGE_COUNT):
                a = generator_at(generators, world, slot, index)
                pull = wp.max(wp.dot(a, y), wp.float64(0.0))
                if pull > wp.float64(0.0):
                    gradient += a * (pull / price)
                    matrix += wp.outer(a, a) / price
    return gradient, matrix


@wp.func
def dual_solution(
    generators: wp.array4d[float],
    prices: wp.array2d[float],
    slot_used: wp.array2d[int],
    world: int,
    b: vector6,
) -> vector6:
    """The y at which `dual_value` is least."""
    y = b
    for _step in range(_NEWTON_STEPS):
        gradient, matrix = dual_slope(generators, prices, slot_used, world, b, y)
        if wp.dot(gradient, gradient) < _TOLERANCE * _TOLERANCE:
            break
        step = solved(matrix, gradient)
        slope, length = wp.dot(step, gradient), wp.float64(1.0)
        before = dual_value(generators, prices, slot_used, world, b, y)
        for _halving in range(_HALVINGS):
            after = dual_value(generators, prices, slot_used, world, b, y - length * step)
            if after <= before - wp.float64(1e-4) * length * slope:
                break
            length = length * wp.float64(0.5)
        y = y - length * step
    return y


@wp.kernel(enable_backward=False)
def share_loads(
    weight: wp.array[float],
    inertial: wp.array2d[float],
    bias: wp.array2d[float],
    wanted: wp.array2d[float],
    generators: wp.array4d[float],
    prices: wp.array2d[float],
    slot_used: wp.array2d[int],
    slot_force: wp.array2d[wp.vec3],
) -> None:
    """Force in newtons that each contact is to give; (W,)."""
    world = wp.tid()
    b = vector6()
    for axis in range(6):
        asked = inertial[world, axis] + bias[world, axis] + wanted[world, axis]
        b[axis] = wp.float64(asked) / wp.float64(weight[world])
    y = dual_solution(generators, prices, slot_used, world, b)
    for slot in range(slot_used.shape[1]):
        push = wp.vec3(0.0, 0.0, 0.0)
        if slot_used[world, slot] == 1:
            for index in range(_EDGE_COUNT):
                pull = wp.max(wp.dot(generator_at(generators, world, slot, index), y), wp.float64(0.0))
                push += edge(index) * (wp.float32(pull) / prices[world, slot] * weight[world])
        slot_force[world, slot] = push


@wp.kernel(enable_backward=False)
def hand_out(
    fill: wp.array[float],
    body_of_geom: wp.array[int],
    ancestors: wp.array2d[int],
    roots: wp.array[int],
    centres: wp.array2d[wp.vec3],
    axes: wp.array2d[wp.spatial_vector],
    inertial: wp.array2d[float],
    bias: wp.array2d[float],
    wanted: wp.array2d[float],
    slot_used: wp.array2d[int],
    slot_place: wp.array2d[wp.vec3],
    slot_force: wp.array2d[wp.vec3],
    planned: wp.array2d[float],
) -> None:
    """What is left for joints to give, and of the root, by the share `fill`, for help; (W, V)."""
    world, freedom = wp.tid()
    left = inertial[world, freedom] + bias[world, freedom]
    if freedom < 6:
        left += wanted[world, freedom]
    for slot in range(slot_used.shape[1]):
        if slot_used[world, slot] == 1:
            body, point = body_of_geom[slot / _SLOTS], slot_place[world, slot]
            column = column_of_jacobian(ancestors, roots, centres, axes, world, body, freedom, point)
            left -= wp.dot(column, slot_force[world, slot])
    if freedom < 6:
        left *= fill[world]
    planned[world, freedom] = left
