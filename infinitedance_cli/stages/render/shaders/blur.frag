#version 330
in vec2 place;

uniform sampler2D source;
uniform vec2 step;

out vec4 pixel;

void main() {
    // Nine taps of a Gaussian as five, each between two texels. The lamp's shadow (red) is softer than the contact.
    const float weight[3] = float[](0.2270270, 0.3162162, 0.0702703);
    const float offset[3] = float[](0.0, 1.3846154, 3.2307692);
    vec4 sum = texture(source, place) * weight[0];
    for (int i = 1; i < 3; i++) {
        sum += (texture(source, place + step * offset[i]) + texture(source, place - step * offset[i])) * weight[i];
    }
    pixel = sum;
}
