#version 330
// The part of the body that a point belongs to: that of the nearest segment in the rest pose, its back or its front.
in vec3 rest_position;
in vec3 rest_normal;

uniform int count;
uniform vec3 starts[32];
uniform vec3 ends[32];
uniform vec3 first_colours[32];
uniform vec3 second_colours[32];
uniform int split_sideways[32];

out vec4 pixel;

void main() {
    float nearest = 1e9;
    int part = 0;
    for (int i = 0; i < count; i++) {
        vec3 along = ends[i] - starts[i], from_start = rest_position - starts[i];
        float share = clamp(dot(from_start, along) / dot(along, along), 0.0, 1.0);
        vec3 away = from_start - share * along;
        float distance = dot(away, away);
        if (distance < nearest) {
            nearest = distance;
            part = i;
        }
    }
    bool first = split_sideways[part] == 1 ? rest_position.x < 0.0 : rest_normal.z < 0.0;
    pixel = vec4(first ? first_colours[part] : second_colours[part], 1.0);
}
