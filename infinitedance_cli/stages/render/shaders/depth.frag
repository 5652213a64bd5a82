#version 330
// How near: white near, dark far, in equal steps of 1 / distance.
in vec3 view_position;
uniform vec2 depth_range;
out vec4 pixel;

void main() {
    float near = 1.0 / depth_range.x, far = 1.0 / depth_range.y;
    float nearness = clamp((-1.0 / view_position.z - far) / (near - far), 0.0, 1.0);
    pixel = vec4(vec3(mix(0.15, 1.0, nearness)), 1.0);
}
