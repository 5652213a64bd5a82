"""What a dance is: clips, skeletons, rotations, kinematics, features, contacts, retargeting. Arrays only, no torch."""
