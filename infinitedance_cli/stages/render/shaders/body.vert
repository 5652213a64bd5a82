#version 330
// The lit body. Light is worked out at the vertices, which lie closer together than the light changes: at pixels it
// would cost a software rasteriser several times as much.
#include skinning.glsl

uniform mat4 world_to_clip;
uniform mat4 world_to_light;
uniform vec3 eye;
uniform vec3 to_light;
uniform vec3 take_colour;
uniform sampler2DShadow light_depth;

out vec3 light;

float lit(vec3 position) {
    vec3 seen = (world_to_light * vec4(position, 1.0)).xyz * 0.5 + 0.5;
    const vec2 step = vec2(1.6 / 512.0);
    float sum = 0.0;
    for (int i = 0; i < 4; i++) {
        vec2 corner = vec2((i & 1) * 2 - 1, (i & 2) - 1) * step;
        sum += textureLod(light_depth, vec3(seen.xy + corner, seen.z - 0.004), 0.0);
    }
    return sum * 0.25;
}

void main() {
    vec3 position, n;
    skin(position, n);
    n = normalize(n);
    gl_Position = world_to_clip * vec4(position, 1.0);

    vec3 v = normalize(eye - position);
    float towards = dot(n, to_light);
    float shadow = lit(position + 0.015 * n);
    // A large soft lamp: light reaches a little round the body.
    float key = max(towards * 0.85 + 0.15, 0.0) * mix(1.0, shadow, smoothstep(-0.1, 0.25, towards));
    float sky = n.y * 0.5 + 0.5;
    // Near the floor less of the sky is seen.
    float open = mix(0.62, 1.0, smoothstep(0.0, 0.55, position.y + 0.25 * n.y));
    vec3 ambient = mix(vec3(0.32, 0.29, 0.28), vec3(0.44, 0.49, 0.57), sky) * open;
    float rim = pow(1.0 - max(dot(n, v), 0.0), 3.0) * (0.35 + 0.65 * sky);
    float gloss = pow(max(dot(n, normalize(to_light + v)), 0.0), 28.0) * shadow;
    vec3 base = in_colour.rgb * mix(vec3(1.0), take_colour, in_colour.a);
    base *= base;
    light = base * (ambient + key * vec3(1.0, 0.95, 0.88)) + rim * vec3(0.10, 0.12, 0.15) + gloss * 0.055;
    // A soft shoulder keeps the highlights from burning out.
    light = sqrt(light * (1.0 + light * 0.12) / (1.0 + light * 0.32));
}
