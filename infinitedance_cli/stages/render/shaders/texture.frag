#version 330
in vec2 place;
uniform sampler2D source;
out vec4 pixel;

void main() {
    pixel = texture(source, place);
}
