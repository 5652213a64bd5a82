// The room: floor, light, camera.

const BACKDROP = 0x17191d;

const FLOOR_VERTEX = `
varying vec3 place;
void main() {
  vec4 world = modelMatrix * vec4(position, 1.0);
  place = world.xyz;
  gl_Position = projectionMatrix * viewMatrix * world;
}`;

// Lines every half metre and stronger ones every two, as thin as a pixel allows, fading into the backdrop.
const FLOOR_FRAGMENT = `
varying vec3 place;
uniform vec3 centre, backdrop;
float lines(vec2 p, float size) {
  vec2 q = p / size;
  vec2 width = fwidth(q);
  vec2 near = abs(fract(q - 0.5) - 0.5) / max(width, vec2(1e-5));
  vec2 seen = 1.0 - smoothstep(vec2(0.15), vec2(0.6), width);
  vec2 line = (1.0 - clamp(near - 0.1, 0.0, 1.0)) * seen;
  return max(line.x, line.y);
}
void main() {
  float away = distance(place.xz, centre.xz);
  vec3 colour = mix(vec3(0.05, 0.055, 0.066), backdrop, smoothstep(1.5, 9.0, away));
  float light = 0.05 * exp(-away * away / 6.0);
  float grid = 0.03 * lines(place.xz, 0.5) + 0.05 * lines(place.xz, 2.0);
  colour += light + grid * (1.0 - smoothstep(3.0, 11.0, away));
  gl_FragColor = vec4(colour, 1.0);
  #include <colorspace_fragment>
}`;

// Where light comes from, seen from the dancer.
const KEY_LIGHT = [2.2, 4.6, 2.6], RIM_LIGHT = [-3, 2.6, -3.4];

// Where the eye is, seen from the dancer's place on the floor.
const VIEWS = [
  ["three-quarter", [1.35, 1.3, 3.4]],
  ["front", [0, 1.15, 3.75]],
  ["side", [3.75, 1.15, 0]],
  ["back", [0, 1.15, -3.75]],
  ["top", [0, 5.2, 0.9]],
];

// What is drawn, best first: device pixels a CSS pixel at most, and texels of the shadow on a side (0: none).
const QUALITIES = [{ ratio: 2, shadow: 1024 }, { ratio: 1.25, shadow: 512 }, { ratio: 1, shadow: 0 }];

class Stage {
  constructor(canvas) {
    this.canvas = canvas;
    this.renderer = new THREE.WebGLRenderer({ canvas, antialias: true, powerPreference: "high-performance" });
    this.renderer.setClearColor(BACKDROP);
    this.renderer.toneMapping = THREE.NeutralToneMapping;
    this.renderer.toneMappingExposure = 1.05;
    this.renderer.shadowMap.enabled = true;
    this.renderer.shadowMap.type = THREE.VSMShadowMap;
    this.scene = new THREE.Scene();
    this.camera = new THREE.PerspectiveCamera(32, 1, 0.05, 80);
    this.controls = new THREE.OrbitControls(this.camera, canvas);
    Object.assign(this.controls, { enableDamping: true, dampingFactor: 0.12, minDistance: 0.6, maxDistance: 20 });
    this.controls.maxPolarAngle = Math.PI / 2 - 0.02; // stay over the floor
    this.following = true;
    this.heading = 0;
    [this.quality, ...this.poorer] = QUALITIES;
    this.drawnAt = this.interval = null;
    this.counted = 0;
    this.anchor = new THREE.Vector3();
    this.step = new THREE.Vector3();
    this.addLights();
    this.addFloor();
    this.view = 0;
    this.face(0, 0, 0);
  }

  addLights() {
    this.scene.add(new THREE.HemisphereLight(0xdfe8f5, 0x33302c, 1.15));
    this.key = new THREE.DirectionalLight(0xfff1de, 2.5);
    this.keyFrom = new THREE.Vector3();
    this.key.castShadow = true;
    this.key.shadow.mapSize.setScalar(this.quality.shadow);
    this.key.shadow.radius = 9;
    this.key.shadow.blurSamples = 16;
    this.key.shadow.bias = -0.0008;
    this.key.shadow.normalBias = 0.03;
    Object.assign(this.key.shadow.camera, { left: -1.7, right: 1.7, top: 1.7, bottom: -1.7, near: 1, far: 11 });
    this.rim = new THREE.DirectionalLight(0x8fb4ff, 1.6);
    this.rimFrom = new THREE.Vector3();
    this.scene.add(this.key, this.key.target, this.rim, this.rim.target);
  }

  addFloor() {
    const uniforms = { centre: { value: this.anchor }, backdrop: { value: new THREE.Color(BACKDROP) } };
    const surface = new THREE.ShaderMaterial({ uniforms, vertexShader: FLOOR_VERTEX, fragmentShader: FLOOR_FRAGMENT });
    surface.polygonOffset = true;
    surface.polygonOffsetFactor = surface.polygonOffsetUnits = 1;
    const plane = new THREE.PlaneGeometry(60, 60).rotateX(-Math.PI / 2);
    this.floor = new THREE.Mesh(plane, surface);
    this.shade = new THREE.Mesh(plane, new THREE.ShadowMaterial({ opacity: 0.55, depthWrite: false }));
    this.shade.position.y = 0.001;
    this.shade.receiveShadow = true;
    this.scene.add(this.floor, this.shade);
  }

  // Whom the views are relative to: a dancer at (x, z) who faces `heading`.
  face(heading, x, z) {
    this.heading = heading;
    this.keyFrom.fromArray(KEY_LIGHT).applyAxisAngle(this.camera.up, heading);
    this.rimFrom.fromArray(RIM_LIGHT).applyAxisAngle(this.camera.up, heading);
    this.follow(x, z);
    this.setView(this.view);
  }

  // Moves the eye to one of VIEWS, further away where the window is narrow.
  setView(number) {
    this.view = number % VIEWS.length;
    const [, from] = VIEWS[this.view];
    this.controls.target.set(this.anchor.x, 0.92, this.anchor.z);
    this.step.fromArray(from).sub({ x: 0, y: 0.92, z: 0 }).multiplyScalar(this.distance());
    this.step.applyAxisAngle(this.camera.up, this.heading);
    this.camera.position.copy(this.controls.target).add(this.step);
    this.controls.update();
  }

  distance() {
    return Math.max(1, 0.8 / this.camera.aspect);
  }

  // `x`, `z`: where the dancer is; camera, light and floor go along.
  follow(x, z) {
    this.step.set(x - this.anchor.x, 0, z - this.anchor.z);
    this.anchor.set(x, 0, z);
    this.key.target.position.set(x, 0.9, z);
    this.key.position.copy(this.key.target.position).add(this.keyFrom);
    this.rim.target.position.copy(this.key.target.position);
    this.rim.position.copy(this.rim.target.position).add(this.rimFrom);
    this.floor.position.set(x, 0, z);
    this.shade.position.set(x, 0.001, z);
    if (!this.following) return;
    this.camera.position.add(this.step);
    this.controls.target.add(this.step);
  }

  setFollowing(following) {
    this.following = following;
    if (following) this.setView(this.view);
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const ratio = Math.min(window.devicePixelRatio || 1, this.quality.ratio);
    if (width === this.width && height === this.height && ratio === this.ratio) return false;
    const first = this.width === undefined;
    [this.width, this.height, this.ratio] = [width, height, ratio];
    this.renderer.setPixelRatio(ratio);
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / Math.max(1, height);
    this.camera.updateProjectionMatrix();
    if (first) this.setView(this.view);
    return true;
  }

  // Takes in what the user did to window and camera; whether anything has changed.
  update() {
    const resized = this.resize();
    return this.controls.update() || resized;
  }

  draw(playing) {
    this.renderer.render(this.scene, this.camera);
    this.adapt(playing ? performance.now() : null);
  }

  // Where pictures come too slowly while playing, less is drawn. `now` is null when time does not count.
  adapt(now) {
    const passed = now !== null && this.drawnAt !== null ? now - this.drawnAt : null;
    this.drawnAt = now;
    if (passed === null || passed > 3000 || !this.poorer.length) return; // a tab in the background sleeps
    this.interval = this.interval === null ? passed : this.interval * 0.9 + passed * 0.1;
    if (++this.counted < 10 || this.counted * this.interval < 1500 || this.interval < 38) return;
    this.quality = this.poorer.shift();
    [this.counted, this.interval] = [0, null];
    const { shadow } = this.key;
    this.key.castShadow = this.quality.shadow > 0;
    shadow.mapSize.setScalar(this.quality.shadow || 1);
    shadow.radius = 5;
    shadow.map?.dispose();
    shadow.map = null;
  }
}
