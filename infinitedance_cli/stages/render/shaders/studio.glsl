// Colours of the studio, and the light that falls off toward the edges of the picture.
const vec3 BACKDROP_LOW = vec3(0.815, 0.835, 0.865);
const vec3 BACKDROP_HIGH = vec3(0.600, 0.642, 0.705);

float vignette(vec2 place) {
    vec2 edge = place - 0.5;
    return 1.0 - 0.22 * dot(edge, edge);
}
