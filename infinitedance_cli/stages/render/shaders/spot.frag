#version 330
in vec2 local;
flat in vec2 half_size;
flat in vec3 shape;
flat in vec4 colour;
out vec4 pixel;

float outside() {
    if (shape.x < 0.0) {
        vec2 scaled = local / half_size;
        float size = length(scaled);
        float slope = length(scaled / half_size) / max(size, 1e-6);
        return (size - 1.0) / max(slope, 1e-6);
    }
    vec2 q = abs(local) - half_size + shape.x;
    return length(max(q, 0.0)) + min(max(q.x, q.y), 0.0) - shape.x;
}

void main() {
    float distance = outside();
    if (shape.y > 0.0) {
        distance = abs(distance + shape.y * 0.5) - shape.y * 0.5;
    }
    float soft = max(fwidth(distance), shape.z);
    float cover = 1.0 - smoothstep(-0.5 * soft, 0.5 * soft, distance);
    pixel = vec4(colour.rgb, 1.0) * (colour.a * cover);
}
