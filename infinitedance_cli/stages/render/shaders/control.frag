#version 330
// What pose-guided video models take: 0 depth (near is white), 1 normals in the camera's frame, 2 body parts.
in vec3 world_position;
in vec3 world_normal;
in vec4 colour;
flat in vec3 part_colour;

uniform int kind;
uniform vec3 eye;
uniform mat3 world_to_view;
uniform vec2 depth_range;

out vec4 pixel;

void main() {
    if (kind == 0) {
        float depth = -(world_to_view * (world_position - eye)).z;
        float near = 1.0 / depth_range.x, far = 1.0 / depth_range.y;
        pixel = vec4(vec3(mix(0.15, 1.0, clamp((1.0 / depth - far) / (near - far), 0.0, 1.0))), 1.0);
    } else if (kind == 1) {
        pixel = vec4(normalize(world_to_view * world_normal) * 0.5 + 0.5, 1.0);
    } else {
        pixel = vec4(part_colour, 1.0);
    }
}
