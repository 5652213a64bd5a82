#version 330
#include skinning.glsl

uniform mat4 world_to_clip;
uniform mat4 world_to_light;

out vec3 world_position;
out vec3 world_normal;
out vec4 colour;
flat out vec3 part_colour;
out vec3 light_position;

void main() {
    skin(world_position, world_normal);
    colour = in_colour;
    part_colour = in_colour.rgb;
    light_position = (world_to_light * vec4(world_position + 0.012 * normalize(world_normal), 1.0)).xyz * 0.5 + 0.5;
    gl_Position = world_to_clip * vec4(world_position, 1.0);
    gl_ClipDistance[0] = world_position.y + 0.001;
}
