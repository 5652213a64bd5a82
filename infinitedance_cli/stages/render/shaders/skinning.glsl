// Linear blend skinning: the rows of one 3 x 4 matrix a joint, 256 joints at most.
in vec3 in_position;
in vec3 in_normal;
in vec4 in_colour;
in uvec4 in_joints;
in vec4 in_weights;

layout(std140) uniform Joints { vec4 joint_rows[768]; };

void skin(out vec3 position, out vec3 normal) {
    vec4 x = vec4(0.0), y = vec4(0.0), z = vec4(0.0);
    for (int slot = 0; slot < 4; slot++) {
        int row = int(in_joints[slot]) * 3;
        x += in_weights[slot] * joint_rows[row];
        y += in_weights[slot] * joint_rows[row + 1];
        z += in_weights[slot] * joint_rows[row + 2];
    }
    vec4 rest = vec4(in_position, 1.0);
    position = vec3(dot(x, rest), dot(y, rest), dot(z, rest));
    normal = vec3(dot(x.xyz, in_normal), dot(y.xyz, in_normal), dot(z.xyz, in_normal));
}
