#version 330
in float side;
in vec4 colour;
out vec4 pixel;

void main() {
    float soft = fwidth(side);
    float cover = 1.0 - smoothstep(1.0 - 1.5 * soft, 1.0, abs(side));
    pixel = vec4(colour.rgb, 1.0) * (colour.a * cover);
}
