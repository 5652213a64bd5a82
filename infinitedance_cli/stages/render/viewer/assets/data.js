// Packs: gzip, then a header and named arrays, as pack.py describes them.

async function gunzip(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function bytesOfBase64(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

// {meta, arrays}: each array as typed values with `shape` and `scale`.
async function unpack(packed) {
  const bytes = await gunzip(packed);
  const start = 4 + new DataView(bytes.buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, start)));
  const arrays = {};
  for (const [name, entry] of Object.entries(header.arrays)) {
    const count = entry.shape.reduce((product, size) => product * size, 1);
    const offset = start + entry.offset;
    let values;
    if (entry.type === "f4") values = new Float32Array(bytes.buffer, offset, count);
    else if (entry.type === "u1") values = new Uint8Array(bytes.buffer, offset, count);
    else values = undelta(bytes.subarray(offset, offset + 2 * count), entry.shape[entry.shape.length - 1]);
    arrays[name] = { values, shape: entry.shape, scale: entry.scale || 1 };
  }
  return { meta: header.meta, arrays };
}

// Low bytes, then high bytes, of differences along rows: the sums wrap in 16 bits as they did when they were written.
function undelta(planes, row) {
  const count = planes.length / 2;
  const values = new Int16Array(count);
  for (let i = 0; i < count; i++) {
    const step = planes[i] | (planes[count + i] << 8);
    values[i] = i % row ? values[i - 1] + step : step;
  }
  return values;
}

// One dance. Time is in seconds; frame k begins at k / fps and holds to the next, blended on the way.
class Take {
  constructor({ meta, arrays }) {
    Object.assign(this, meta);
    this.duration = this.frames / this.fps;
    this.offsets = arrays.offsets.values;
    this.joints = arrays.rotation.shape[0];
    this.root = arrays.root.values;
    this.rotation = arrays.rotation.values;
    this.contacts = arrays.contacts.values;
    this.heading = meanHeading(this.rotation, this.frames);
    this.path = smoothPath(this.root, this.frames, Math.round(this.fps * 0.6));
  }

  // Which frame a time shows: a thousandth of a frame of slack for times that were rounded on their way.
  frameAt(time) {
    return Math.min(this.frames - 1, Math.max(0, Math.floor(time * this.fps + 1e-3)));
  }

  // [frame, next frame, part of the way between them].
  sampleAt(time) {
    const exact = Math.min(this.frames - 1, Math.max(0, time * this.fps));
    const low = Math.floor(exact);
    return [low, Math.min(low + 1, this.frames - 1), exact - low];
  }

  // (x, z) that the camera follows.
  placeAt(time) {
    const [low, high, part] = this.sampleAt(time);
    return [0, 1].map((axis) => this.path[2 * low + axis] * (1 - part) + this.path[2 * high + axis] * part);
  }

  isPlanted(contact, frame) {
    return this.contacts[contact * this.frames + frame] === 1;
  }

  // Bars as [start, end]: between downbeats, else four beats each, else two seconds each.
  get bars() {
    let edges = this.downbeats;
    if (edges.length < 2) edges = this.beats.filter((_, index) => index % 4 === 0);
    if (edges.length < 2) edges = Array.from({ length: Math.ceil(this.duration / 2) }, (_, index) => 2 * index);
    edges = [...edges];
    if (edges[0] > 0.25) edges.unshift(0);
    else edges[0] = Math.max(0, edges[0]);
    if (this.duration - edges[edges.length - 1] > 0.05) edges.push(this.duration);
    return edges.slice(1).map((end, index) => [edges[index], end]);
  }
}

// Where the dancer faces most of the time: radians about y, 0 is +Z.
function meanHeading(rotation, frames) {
  let x = 0, z = 0;
  for (let t = 0; t < frames; t++) {
    const [qw, qx, qy, qz] = [0, 1, 2, 3].map((part) => rotation[part * frames + t] / 32767);
    x += 2 * (qx * qz + qw * qy);
    z += 1 - 2 * (qx * qx + qy * qy);
  }
  return Math.atan2(x, z);
}

// The path over the floor, (x, z) a frame, averaged over a window without delay: what the camera follows.
function smoothPath(root, frames, reach) {
  const sums = new Float64Array(2 * (frames + 1));
  for (let t = 0; t < frames; t++) {
    sums[2 * t + 2] = sums[2 * t] + root[3 * t];
    sums[2 * t + 3] = sums[2 * t + 1] + root[3 * t + 2];
  }
  const path = new Float32Array(2 * frames);
  for (let t = 0; t < frames; t++) {
    const low = Math.max(0, t - reach), high = Math.min(frames, t + reach + 1);
    for (let axis = 0; axis < 2; axis++) path[2 * t + axis] = (sums[2 * high + axis] - sums[2 * low + axis]) / (high - low);
  }
  return path;
}
