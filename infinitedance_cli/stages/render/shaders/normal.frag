#version 330
// Normals in the camera's frame: red right, green up, blue toward the camera.
in vec3 view_normal;
out vec4 pixel;

void main() {
    pixel = vec4(normalize(view_normal) * 0.5 + 0.5, 1.0);
}
