#version 330
#include skinning.glsl

uniform mat4 world_to_light;

void main() {
    vec3 position, normal;
    skin(position, normal);
    gl_Position = world_to_light * vec4(position, 1.0);
}
