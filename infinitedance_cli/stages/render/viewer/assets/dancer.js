// The body, its bones, and the marks under planted feet.

const LEFT = 0x2fd3c4, RIGHT = 0xff9a4d;

class Dancer {
  constructor({ meta, arrays }) {
    this.parents = meta.parents;
    this.jointNames = meta.joints;
    this.restOffsets = arrays.offsets.values;
    this.group = new THREE.Group();
    this.group.visible = false; // until there is a take
    this.bones = meta.parents.map(() => new THREE.Bone());
    this.bones.forEach((bone, joint) => {
      if (meta.parents[joint] < 0) this.group.add(bone);
      else this.bones[meta.parents[joint]].add(bone);
    });
    this.material = new THREE.MeshStandardMaterial({ color: 0xc6c8cc, roughness: 0.6, metalness: 0.0 });
    this.mesh = new THREE.SkinnedMesh(bodyGeometry(arrays), this.material);
    this.mesh.frustumCulled = false;
    this.mesh.castShadow = this.mesh.receiveShadow = true;
    this.group.add(this.mesh);
    this.setOffsets(this.restOffsets); // bound in the body's own rest pose, then given the proportions of the take
    this.group.updateMatrixWorld(true);
    this.mesh.bind(new THREE.Skeleton(this.bones), new THREE.Matrix4());
    this.addLines();
    this.marks = new THREE.Group();
    this.low = new THREE.Quaternion();
    this.high = new THREE.Quaternion();
    this.place = new THREE.Vector3();
  }

  addLines() {
    this.linked = this.parents.map((parent, joint) => [parent, joint]).filter(([parent]) => parent >= 0);
    const geometry = new THREE.BufferGeometry();
    geometry.setAttribute("position", new THREE.BufferAttribute(new Float32Array(6 * this.linked.length), 3));
    const material = new THREE.LineBasicMaterial({ color: 0xffffff, depthTest: false, transparent: true });
    this.lines = new THREE.LineSegments(geometry, material);
    this.lines.frustumCulled = false;
    this.lines.renderOrder = 2;
    this.lines.visible = false;
    const dots = new THREE.PointsMaterial({ color: 0xffffff, size: 5, sizeAttenuation: false, depthTest: false, transparent: true });
    const body = new THREE.BufferGeometry(); // the same places, without the joints of face and fingers
    body.setAttribute("position", geometry.attributes.position);
    body.setDrawRange(0, 2 * this.linked.filter(([, joint]) => joint < 22).length);
    const points = new THREE.Points(body, dots);
    points.frustumCulled = false;
    points.renderOrder = 2;
    this.lines.add(points);
  }

  // A body can have more joints than a take: those keep their place and stay at rest.
  setOffsets(offsets) {
    this.bones.forEach((bone, joint) => {
      const source = 3 * joint < offsets.length ? offsets : this.restOffsets;
      if (this.parents[joint] >= 0) bone.position.fromArray(source, 3 * joint);
      else bone.position.fromArray(this.restOffsets, 0);
      bone.quaternion.identity();
    });
  }

  setTake(take) {
    this.take = take;
    this.group.visible = true;
    this.setOffsets(take.offsets);
    this.marks.clear();
    take.contact_joints.forEach((name) => {
      const ball = name.endsWith("foot");
      const color = name.startsWith("left") ? LEFT : RIGHT;
      const shape = new THREE.RingGeometry(ball ? 0.075 : 0.06, ball ? 0.095 : 0.078, 48).rotateX(-Math.PI / 2);
      const mark = new THREE.Mesh(shape, new THREE.MeshBasicMaterial({ color, transparent: true, depthWrite: false }));
      mark.position.y = 0.004;
      mark.renderOrder = 1;
      this.marks.add(mark);
    });
  }

  setSkeletonShown(shown) {
    this.lines.visible = shown;
    this.material.transparent = shown;
    this.material.opacity = shown ? 0.35 : 1;
    this.material.depthWrite = !shown;
    this.material.needsUpdate = true;
  }

  pose(time) {
    const [low, high, part] = this.take.sampleAt(time);
    const { frames, joints, rotation, root } = this.take;
    for (let joint = 0; joint < joints; joint++) {
      const row = 4 * joint * frames; // w, x, y, z one after the other, each over all frames
      const read = (target, t) =>
        target.set(rotation[row + frames + t], rotation[row + 2 * frames + t], rotation[row + 3 * frames + t], rotation[row + t]);
      read(this.low, low).normalize();
      if (part > 0) this.low.slerp(read(this.high, high).normalize(), part);
      this.bones[joint].quaternion.copy(this.low);
    }
    this.bones[0].position.set(...[0, 1, 2].map((axis) => root[3 * low + axis] * (1 - part) + root[3 * high + axis] * part));
    this.group.updateMatrixWorld(true);
    this.markContacts(this.take.frameAt(time));
    if (this.lines.visible) this.drawLines();
  }

  markContacts(frame) {
    this.marks.children.forEach((mark, index) => {
      const joint = this.jointNames.indexOf(this.take.contact_joints[index]);
      mark.visible = joint >= 0 && this.take.isPlanted(index, frame);
      if (!mark.visible) return;
      this.bones[joint].getWorldPosition(this.place);
      mark.position.set(this.place.x, 0.004, this.place.z);
    });
  }

  drawLines() {
    const position = this.lines.geometry.attributes.position;
    this.linked.forEach(([parent, joint], index) => {
      this.bones[parent].getWorldPosition(this.place).toArray(position.array, 6 * index);
      this.bones[joint].getWorldPosition(this.place).toArray(position.array, 6 * index + 3);
    });
    position.needsUpdate = true;
  }
}

function bodyGeometry({ vertices, faces, joint_indices, joint_weights }) {
  const count = vertices.shape[1];
  const position = new Float32Array(3 * count);
  for (let axis = 0; axis < 3; axis++) {
    for (let i = 0; i < count; i++) position[3 * i + axis] = vertices.values[axis * count + i] / vertices.scale;
  }
  const geometry = new THREE.BufferGeometry();
  geometry.setAttribute("position", new THREE.BufferAttribute(position, 3));
  geometry.setIndex(new THREE.BufferAttribute(Uint16Array.from(faces.values), 1));
  geometry.setAttribute("skinIndex", new THREE.BufferAttribute(joint_indices.values, 4));
  const weights = new Float32Array(4 * count);
  for (let i = 0; i < weights.length; i += 4) {
    const own = joint_weights.values.subarray(i, i + 4);
    const sum = own[0] + own[1] + own[2] + own[3];
    for (let k = 0; k < 4; k++) weights[i + k] = own[k] / sum;
  }
  geometry.setAttribute("skinWeight", new THREE.BufferAttribute(weights, 4));
  geometry.computeVertexNormals();
  return geometry;
}
