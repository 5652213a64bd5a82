#version 330
in vec3 world_position;
in vec3 world_normal;
in vec4 colour;
in vec3 light_position;

uniform vec3 eye;
uniform vec3 to_light;
uniform vec3 take_colour;
uniform sampler2DShadow light_depth;

out vec4 pixel;

float lit() {
    const vec2 step = vec2(1.7 / 512.0);
    float sum = 0.0;
    for (int i = 0; i < 4; i++) {
        vec2 corner = vec2((i & 1) * 2 - 1, (i & 2) - 1) * step;
        sum += texture(light_depth, vec3(light_position.xy + corner, light_position.z - 0.004));
    }
    return sum * 0.25;
}

void main() {
    vec3 n = normalize(world_normal);
    vec3 v = normalize(eye - world_position);
    float towards = dot(n, to_light);
    float shadow = lit();
    // A large soft lamp: light reaches a little round the body.
    float key = max(towards * 0.85 + 0.15, 0.0) * mix(1.0, shadow, smoothstep(-0.1, 0.25, towards));
    float sky = n.y * 0.5 + 0.5;
    // Near the floor less of the sky is seen.
    float open = mix(0.62, 1.0, smoothstep(0.0, 0.55, world_position.y + 0.25 * n.y));
    vec3 ambient = mix(vec3(0.30, 0.27, 0.26), vec3(0.42, 0.47, 0.55), sky) * open;
    float rim = pow(1.0 - max(dot(n, v), 0.0), 3.0) * (0.35 + 0.65 * sky);
    vec3 half_way = normalize(to_light + v);
    float gloss = pow(max(dot(n, half_way), 0.0), 28.0) * shadow;
    vec3 base = colour.rgb * mix(vec3(1.0), take_colour, colour.a);
    base *= base;
    vec3 light = base * (ambient + key * vec3(0.98, 0.93, 0.86)) + rim * vec3(0.10, 0.12, 0.15) + gloss * 0.055;
    // A soft shoulder keeps the highlights from burning out.
    light = light * (1.0 + light * 0.12) / (1.0 + light * 0.32);
    pixel = vec4(sqrt(light), 1.0);
}
