#version 330
// The floor around the dancer, for its depth alone: what sinks into the floor is hidden by it.
uniform mat4 flat_to_clip;
uniform vec2 centre;
uniform float reach;

void main() {
    vec2 corner = vec2(gl_VertexID % 2, gl_VertexID / 2) * 2.0 - 1.0;
    gl_Position = flat_to_clip * vec4(centre + corner * reach, 0.0, 1.0);
}
