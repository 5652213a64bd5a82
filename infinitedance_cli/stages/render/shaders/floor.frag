#version 330
// A floor with a grid that runs into the backdrop without an edge.
#include studio.glsl
in vec2 place;

uniform vec2 eye;
uniform float eye_height;
uniform vec3 ray_corner;
uniform vec3 ray_right;
uniform vec3 ray_up;
uniform vec2 centre;
uniform float spacing;

out vec4 pixel;

const vec3 FLOOR = vec3(0.760, 0.780, 0.810);
const vec3 LINE = vec3(0.655, 0.685, 0.735);

void main() {
    vec3 ray = ray_corner + place.x * ray_right + place.y * ray_up;
    vec2 spot = eye + ray.xz * (eye_height / max(-ray.y, 1e-5));
    vec2 from_centre = spot - centre;
    float away = dot(from_centre, from_centre);
    vec2 cell = spot / spacing;
    vec2 width = fwidth(cell) + 1e-6;
    vec2 line = clamp(1.6 - abs(fract(cell - 0.5) - 0.5) / width, 0.0, 1.0);
    float grid = max(line.x, line.y) * clamp(1.6 - 3.2 * max(width.x, width.y), 0.0, 1.0);
    vec3 colour = mix(FLOOR + 0.085 / (1.0 + away * 0.18), LINE, grid * 0.75);
    colour = mix(colour, BACKDROP_LOW, clamp((away - 5.0) / 90.0, 0.0, 1.0));
    pixel = vec4(colour * vignette(place), 1.0);
}
