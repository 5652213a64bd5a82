#version 330
// The square of the floor that may be in the shadow, cut to what is.
uniform mat4 flat_to_clip;
uniform vec4 bounds;
uniform vec2 centre;
uniform float reach;

out vec2 place;

void main() {
    vec2 spot = mix(bounds.xy, bounds.zw, vec2(gl_VertexID % 2, gl_VertexID / 2));
    place = (spot - centre) / reach * 0.5 + 0.5;
    gl_Position = flat_to_clip * vec4(spot, 0.0, 1.0);
}
