#version 330
in vec3 light;
out vec4 pixel;

void main() {
    pixel = vec4(light, 1.0);
}
