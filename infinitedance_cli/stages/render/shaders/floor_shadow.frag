#version 330
in float height;

uniform vec4 strength;
uniform float fading;

out vec4 pixel;

void main() {
    pixel = strength * exp(-height * fading);
}
