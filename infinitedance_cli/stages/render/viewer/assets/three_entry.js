// What the viewer uses of three.js. three.min.js is made of this file, with three 0.187.0 and esbuild 0.28.2 from npm:
//
//   npm install three@0.187.0 esbuild@0.28.2
//   npx esbuild three_entry.js --bundle --minify --format=iife --global-name=THREE --target=es2020 \
//     --legal-comments=inline --outfile=three.min.js
export {
  Bone, BufferAttribute, BufferGeometry, Color, DirectionalLight, Group, HemisphereLight, LineBasicMaterial,
  LineSegments, Matrix4, Mesh, MeshBasicMaterial, MeshStandardMaterial, NeutralToneMapping, PerspectiveCamera,
  PlaneGeometry, Points, PointsMaterial, Quaternion, RingGeometry, Scene, ShaderMaterial, ShadowMaterial, Skeleton,
  SkinnedMesh, Vector3, VSMShadowMap, WebGLRenderer,
} from "three";
export { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";
