#version 330
in vec2 in_spot;
in float in_side;
in vec4 in_colour;
uniform mat4 flat_to_clip;
out float side;
out vec4 colour;

void main() {
    side = in_side;
    colour = in_colour;
    gl_Position = flat_to_clip * vec4(in_spot, 0.0, 1.0);
}
