#version 330
// Studio: a floor with a half-metre grid that runs into a backdrop without an edge.
in vec2 place;

uniform vec3 eye;
uniform vec3 ray_corner;
uniform vec3 ray_right;
uniform vec3 ray_up;
uniform vec2 centre;
uniform vec2 shadow_centre;
uniform float shadow_reach;
uniform sampler2D shadow;
uniform float spacing;

out vec4 pixel;

const vec3 BACKDROP_LOW = vec3(0.815, 0.835, 0.865);
const vec3 BACKDROP_HIGH = vec3(0.615, 0.655, 0.715);
const vec3 FLOOR = vec3(0.760, 0.780, 0.810);
const vec3 LINE = vec3(0.655, 0.685, 0.735);

void main() {
    vec3 ray = ray_corner + place.x * ray_right + place.y * ray_up;
    float rise = ray.y / length(ray);
    vec3 colour = mix(BACKDROP_LOW, BACKDROP_HIGH, smoothstep(0.0, 0.42, rise));
    if (rise < -0.0005) {
        vec2 spot = eye.xz - ray.xz * (eye.y / ray.y);
        float away = length(spot - centre);
        vec2 cell = spot / spacing;
        vec2 width = fwidth(cell);
        vec2 line = 1.0 - smoothstep(vec2(0.6), vec2(1.6), abs(fract(cell - 0.5) - 0.5) / max(width, vec2(1e-6)));
        float grid = max(line.x, line.y) * (1.0 - smoothstep(0.2, 0.5, max(width.x, width.y)));
        vec3 floor_colour = FLOOR + 0.085 * exp(-away * away * 0.22);
        floor_colour = mix(floor_colour, LINE, grid * 0.75);
        vec2 inside = (spot - shadow_centre) / shadow_reach * 0.5 + 0.5;
        if (all(greaterThan(inside, vec2(0.0))) && all(lessThan(inside, vec2(1.0)))) {
            vec2 dark = texture(shadow, inside).rg;
            floor_colour *= 1.0 - 0.46 * dark.r * vec3(1.0, 0.95, 0.86);
            floor_colour *= 1.0 - 0.52 * dark.g * vec3(1.0, 0.97, 0.92);
        }
        colour = mix(floor_colour, BACKDROP_LOW, smoothstep(2.5, 11.0, away));
    }
    vec2 edge = place - 0.5;
    colour *= 1.0 - 0.22 * dot(edge, edge);
    // Half a step of noise: without it the smooth backdrop shows bands once it is compressed.
    float grain = fract(52.9829189 * fract(dot(gl_FragCoord.xy, vec2(0.06711056, 0.00583715)))) - 0.5;
    pixel = vec4(colour + grain / 255.0, 1.0);
}
