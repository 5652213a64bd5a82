#version 330
#include skinning.glsl

uniform mat4 world_to_clip;
uniform mat4 world_to_view;

out vec3 view_position;
out vec3 view_normal;
out vec3 rest_position;
out vec3 rest_normal;

void main() {
    vec3 position, normal;
    skin(position, normal);
    view_position = (world_to_view * vec4(position, 1.0)).xyz;
    view_normal = mat3(world_to_view) * normal;
    rest_position = in_position;
    rest_normal = in_normal;
    gl_Position = world_to_clip * vec4(position, 1.0);
}
