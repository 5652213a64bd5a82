#version 330
// The body drawn onto the floor: along the light, or straight down.
#include skinning.glsl

uniform vec2 centre;
uniform float reach;
uniform vec2 slant;

out float height;

void main() {
    vec3 position, normal;
    skin(position, normal);
    height = max(position.y, 0.0);
    vec2 spot = position.xz - slant * height;
    gl_Position = vec4((spot - centre) / reach, 0.0, 1.0);
}
