#version 330
#include studio.glsl
in vec2 place;

uniform float horizon;
uniform float steepness;

out vec4 pixel;

void main() {
    float rise = (place.y - horizon) * steepness;
    pixel = vec4(mix(BACKDROP_LOW, BACKDROP_HIGH, smoothstep(0.0, 0.42, rise)) * vignette(place), 1.0);
}
