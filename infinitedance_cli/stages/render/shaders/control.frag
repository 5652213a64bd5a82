#version 330
// What pose-guided video models take: 0 depth (near is white), 1 normals in the camera's frame, 2 body parts.
in vec3 view_position;
in vec3 view_normal;
flat in vec3 colour;

uniform int kind;
uniform vec2 depth_range;

out vec4 pixel;

void main() {
    if (kind == 0) {
        float near = 1.0 / depth_range.x, far = 1.0 / depth_range.y;
        float nearness = clamp((-1.0 / view_position.z - far) / (near - far), 0.0, 1.0);
        pixel = vec4(vec3(mix(0.15, 1.0, nearness)), 1.0);
    } else if (kind == 1) {
        pixel = vec4(normalize(view_normal) * 0.5 + 0.5, 1.0);
    } else {
        pixel = vec4(colour, 1.0);
    }
}
