#version 330
// What is left of the light; multiplied into the picture.
in vec2 place;
uniform sampler2D shadow;
out vec4 pixel;

void main() {
    vec2 dark = texture(shadow, place).rg;
    vec3 left = 1.0 - 0.46 * dark.r * vec3(1.0, 0.95, 0.86);
    pixel = vec4(left * (1.0 - 0.52 * dark.g * vec3(1.0, 0.97, 0.92)), 1.0);
}
