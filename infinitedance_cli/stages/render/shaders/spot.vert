#version 330
// Flat shapes: rounded boxes, ellipses and rings, on the floor or on the picture.
in vec2 in_centre;
in vec2 in_axis;
in vec2 in_half_size;
in vec3 in_shape;  // corner radius, or -1 for an ellipse; width of the outline, or 0 to fill; softness
in vec4 in_colour;

uniform mat4 flat_to_clip;
uniform float margin;

out vec2 local;
flat out vec2 half_size;
flat out vec3 shape;
flat out vec4 colour;

void main() {
    vec2 corner = vec2(gl_VertexID % 2, gl_VertexID / 2) * 2.0 - 1.0;
    local = corner * (in_half_size + in_shape.z + margin);
    vec2 along = in_axis, across = vec2(-in_axis.y, in_axis.x);
    half_size = in_half_size;
    shape = in_shape;
    colour = in_colour;
    gl_Position = flat_to_clip * vec4(in_centre + along * local.x + across * local.y, 0.0, 1.0);
}
