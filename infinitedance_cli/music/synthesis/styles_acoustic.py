"""Styles of bands, ballrooms and orchestras; fields of `styles.Style`."""

from __future__ import annotations

ACOUSTIC: dict[str, dict[str, object]] = {
    "rock": {
        "bpm": (100, 146), "kits": ("acoustic",), "room_s": 0.9,
        "grooves": (
            {"kick": "9.......9.9.....", "snare": "....9.......9...", "hat": "8.6.8.6.8.6.8.6."},
            {"kick": "9.....7.9.......", "snare": "....9.......9...", "ride": "8.6.8.6.8.6.8.6."},
            {"kick": "9..7..9..7..9...", "snare": "....9.......9.5.", "hat": "8.8.8.8.8.8.8.8.", "tambourine": "....6.......6..."},
        ),
        "bass": ("finger-bass",), "bass_lines": ("r-r-r-r-r-r-r-r-", "r-r-r-r-f-f-s-s-", "r---r-r-r---r-o-"),
        "chords": ("power-guitar", "guitar", "organ"), "comping": ("x-x-x-x-x-x-x-x-", "x-----x-x-----x-", "x--x--x---x-x---"),
        "lead": ("power-guitar", "saw-lead", "guitar"),
        "minor": 0.5, "progressions": ("rock", "pop"), "melody_density": 1.1, "loose_ms": 4.0,
    },
    "jazz": {
        "bpm": (116, 168), "kits": ("brushes", "acoustic"), "room_s": 0.9,
        "grooves": (
            {"ride": "8...8.6.8...8.6.", "hat": "....7.......7...", "kick": "5...4...5...4...", "rim": "............3..."},
            {"ride": "8...8.6.8...8.6.", "hat": "....7.......7...", "kick": "5.......4.....5.", "snare": "......3.......4."},
        ),
        "bass": ("upright",), "bass_lines": ("w---w---w---w---",),
        "chords": ("piano", "guitar", "organ"), "comping": ("x.....x.........", "..x.....x-......", "......x-......x-", "x-..........x-.."),
        "lead": ("sax", "trumpet", "piano", "flute"),
        "minor": 0.35, "sevenths": 1.0, "progressions": ("jazz",),
        "swing": ((0.6, 0.68), (0.5, 0.5)), "melody_density": 1.6, "loose_ms": 6.0,
    },
    "latin": {
        "bpm": (88, 112), "kits": ("acoustic",), "room_s": 0.9,
        "grooves": (
            {"clave": "9..9..9...9.9...", "conga": "..7...88..7...88", "low-conga": "......6.......66", "cowbell": "8.5.8.5.8.5.8.5.",
             "kick": "9.....6.9.....6.", "shaker": "6464646464646464"},
            {"clave": "..9.9...9..9..9.", "conga": "8.5.7.888.5.7.88", "cowbell": "8...8...8...8...", "kick": "9..6..9.9..6..9.",
             "rim": "...5..5....5..5."},
        ),
        "bass": ("upright", "finger-bass"), "bass_lines": ("r-----f-....o-a-", "r-----f-----r-..", "r..f..o-r..f..a-"),
        "chords": ("piano", "guitar"), "comping": ("x.x..x.x.x.xx.x.", "x..x.x.x.x.x.x..", "x..xx.x.x..xx.x."),
        "lead": ("trumpet", "brass", "flute"),
        "minor": 0.6, "sevenths": 0.4, "progressions": ("latin", "pop"), "melody_density": 1.4, "loose_ms": 3.0,
    },
    "reggaeton": {
        "bpm": (86, 100), "kits": ("808", "house"), "ducking": 0.3, "room_s": 0.9,
        "grooves": (
            {"kick": "9...9...9...9...", "snare": "...8..8....8..8.", "hat": "6.6.6.6.6.6.6.6."},
            {"kick": "9...8...9...8...", "snare": "...8..8....8..88", "shaker": "6464646464646464", "clap": "......5.......5."},
        ),
        "bass": ("808", "sub", "square-bass"), "bass_lines": ("r--r--r-r--r--r-", "r-----r-r-----o-"),
        "chords": ("pluck", "pad", "guitar"), "comping": ("x--x--x-x--x--x-", "x---------------", "..x...x...x...x."),
        "lead": ("vocal-chop", "flute", "marimba"), "arpeggio": ("pluck", "marimba"),
        "minor": 0.9, "progressions": ("minor-loop", "latin"), "melody_density": 1.2,
    },
    "folk": {
        "bpm": (88, 126), "kits": ("acoustic", "brushes"), "room_s": 0.8, "strum": True,
        "grooves": (
            {"kick": "9.......8.......", "tambourine": "....8.......8...", "shaker": "6.4.6.4.6.4.6.4."},
            {"kick": "9...7...8...7...", "rim": "..6...6...6...6.", "clap": "....7.......7..."},
        ),
        "bass": ("upright",), "bass_lines": ("r-------f-------", "r---....f---..a-"),
        "chords": ("guitar", "accordion"), "comping": ("x---x-x---x-x-x-", "x---x-x-x---x-x-", "....x-......x-.."),
        "lead": ("violin", "flute", "whistle", "accordion"),
        "minor": 0.4, "progressions": ("folk",), "melody_density": 1.7, "loose_ms": 6.0,
    },
    "waltz": {
        "bpm": (84, 150), "kits": ("orchestra", "brushes"), "meter": 3, "room_s": 1.8,
        "grooves": (
            {"kick": "8...........", "triangle": "....6...6...", "snare": "....3...3..."},
            {"timpani": "8...........", "tambourine": "....5...5..."},
        ),
        "bass": ("upright", "pizzicato"), "bass_lines": ("r---........", "r-----......", "r---....f---"),
        "chords": ("strings", "piano", "pizzicato", "accordion"), "comping": ("....x-..x-..", "....x---x---"),
        "lead": ("violin", "flute", "strings", "harp"), "arpeggio": ("harp",),
        "minor": 0.4, "sevenths": 0.25, "progressions": ("folk", "classical"), "melody_density": 1.0, "loose_ms": 6.0,
    },
    "orchestral": {
        "bpm": (72, 132), "kits": ("orchestra",), "room_s": 2.6,
        "grooves": (
            {"timpani": "9.......7.......", "snare": "5...5...5...5.55"},
            {"timpani": "9.....6.9.......", "kick": "7.......7.......", "crash": "6..............."},
            {"low-tom": "9..6..9.7.6.9...", "timpani": "9...............", "shaker": "5.5.5.5.5.5.5.5."},
        ),
        "bass": ("strings", "upright"), "bass_lines": ("r-------r-------", "r---f---r---f---", "r-r-r-r-r-r-r-r-"),
        "chords": ("strings", "brass", "choir"), "comping": ("x---------------", "x---x---x---x---", "x-x-x-x-x-x-x-x-"),
        "lead": ("violin", "brass", "flute", "trumpet"), "arpeggio": ("pizzicato", "harp", "strings"),
        "minor": 0.7, "progressions": ("classical", "epic"), "melody_density": 1.0, "loose_ms": 8.0,
    },
}  # fmt: skip
