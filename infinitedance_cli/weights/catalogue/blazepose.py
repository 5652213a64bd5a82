"""BlazePose: the detector of people, the landmarks of body, hands and face."""

from infinitedance_cli.weights.source import Licence, ModelFile, ModelSource, Wheel

APACHE = Licence(
    name="Apache-2.0",
    url="https://www.apache.org/licenses/LICENSE-2.0",
    terms="use, change and pass on freely, commercially too; keep the notice",
)

SOURCE = ModelSource(
    name="blazepose",
    purpose="people, bodies, hands and faces in video (idance capture)",
    files=(
        ModelFile(
            "pose_detection.tflite",
            "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
            2_959_046,
            "mediapipe/modules/pose_detection/pose_detection.tflite",
        ),
        ModelFile(
            "pose_landmark_full.tflite",
            "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
            6_440_512,
            "mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
        ),
        ModelFile(
            "hand_recrop.tflite",
            "67d996ce96f9d36fe17d2693022c6da93168026ab2f028f9e2365398d8ac7d5d",
            123_792,
            "mediapipe/modules/holistic_landmark/hand_recrop.tflite",
        ),
        ModelFile(
            "hand_landmark_full.tflite",
            "11c272b891e1a99ab034208e23937a8008388cf11ed2a9d776ed3d01d0ba00e3",
            5_478_917,
            "mediapipe/modules/hand_landmark/hand_landmark_full.tflite",
        ),
        ModelFile(
            "face_detection_short_range.tflite",
            "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
            229_714,
            "mediapipe/modules/face_detection/face_detection_short_range.tflite",
        ),
        ModelFile(
            "face_landmark.tflite",
            "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
            1_242_398,
            "mediapipe/modules/face_landmark/face_landmark.tflite",
        ),
        ModelFile(
            "LICENSE",
            "8707eef0533987efc5b155d64761eeb6e20793f50b9bd1a68dad1cf4719d0ed8",
            12_331,
            "mediapipe-0.10.21.dist-info/LICENSE",
        ),
    ),
    licence=APACHE,
    # The last version whose wheel carries the models; all its wheels carry the same.
    origin=Wheel("mediapipe==0.10.21", python="3.11", platform="manylinux_2_28_x86_64", size=35_622_638),
)
