"""The layout of a motion clip in HDF5, version 1.0.

::

    /                    @format="idance-motion" @version="1.0" @clip_id
    /skeleton            joint_names[J] · parents[J] i2, −1 root · offsets[J,3] f4 @units="m"
    /motion              @fps @up="+Y" @forward="+Z"
       root_position     [T,3]   f4 @units="m"  @frame="world"
       joint_rotation    [T,J,4] f4 @units="1"  @encoding="quaternion-wxyz" @frame="parent"
    /body                @model @gender · betas[B] f4 · expression[T,E] f4, both @units="1"
    /contacts/foot       [T,F] u1 @labels
    /music               @sha256 @path @tempo_bpm @rate_hz @encoder · beats[B] f8 @units="s" · downbeats[D] f8
                         @units="s" · features[T',D] f2 @units="1"
    /labels              @genre @genre_requested
    /tokens/codes        [S,Q] i2 @stride_frames @codebook_sha256
    /piece               @dance @number @first_frame @last, of a dance that comes in pieces: see `dance_pieces`
    /provenance          [N] JSON, one object per stage

Every float dataset has @units, and the reader refuses one without. The same major version is read. Groups, datasets
and group attributes that have no field of their own (`/capture`, `/physics`, `/piece`, a newer minor version) are
kept in `MotionClip.extra`; those at the root stand there under the name "/".
"""

from __future__ import annotations

FORMAT = "idance-motion"
MAJOR_VERSION = 1
MINOR_VERSION = 0
VERSION = f"{MAJOR_VERSION}.{MINOR_VERSION}"

UP = "+Y"
FORWARD = "+Z"
ROTATION_ENCODING = "quaternion-wxyz"

ROOT = "/"
"""Name in `MotionClip.extra` of what stands at the root of the file and is not known."""

METRES = "m"
SECONDS = "s"
ONE = "1"
"""@units of a number without a dimension."""
