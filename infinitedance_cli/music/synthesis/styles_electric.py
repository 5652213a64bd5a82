"""Styles of the club, the charts and the street; fields of `styles.Style`."""

from __future__ import annotations

_FOUR = "9...9...9...9..."
_BACK = "....9.......9..."

ELECTRIC: dict[str, dict[str, object]] = {
    "house": {
        "bpm": (118, 128), "kits": ("house",), "ducking": 0.6, "room_s": 1.4,
        "grooves": (
            {"kick": _FOUR, "clap": "....8.......8...", "open": "..7...7...7...7.", "shaker": "5353535353535353"},
            {"kick": _FOUR, "clap": "....8.......8..4", "hat": "..8...8...8..58.", "tambourine": "4.6.4.6.4.6.4.6."},
            {"kick": "9...9...9...9..5", "snare": "....8.......8...", "open": "..8...8...8...8.",
             "conga": "...5..6....5.66.", "hat": "5.3.5.3.5.3.5.3."},
        ),
        "bass": ("saw-bass", "square-bass", "sub"),
        "bass_lines": ("..r-..r-..r-..r-", "r-.r..r-.r..o-..", "r..r..r...r.r.o.", "..r...rr..r...fo"),
        "chords": ("stab", "organ", "e-piano", "piano"),
        "comping": ("x-.x..x-..x-.x..", "..x-..x-..x-..x-", "x--x--x---------", "x..x..x...x..x.."),
        "lead": ("vocal-chop", "saw-lead", "piano"), "arpeggio": ("pluck", "bell"),
        "minor": 0.7, "sevenths": 0.6, "progressions": ("minor-loop", "pop"),
        "swing": ((0.5, 0.5), (0.5, 0.57)), "melody_density": 0.9,
    },
    "techno": {
        "bpm": (124, 140), "kits": ("techno",), "ducking": 0.7, "room_s": 1.8,
        "grooves": (
            {"kick": _FOUR, "hat": "..8...8...8...8.", "rim": "...6..6....6..6.", "clap": "............7..."},
            {"kick": _FOUR, "open": "..7...7...7...7.", "hat": "6466646664666466", "low-tom": ".......5......6."},
            {"kick": "9...9...9...9.6.", "clap": "....7.......7...", "hat": "..8...8...8...88", "ride": "8...8...8...8..."},
        ),
        "bass": ("saw-bass", "reese", "sub"), "bass_lines": (".rrr.rrr.rrr.rrr", "..rr..rr..rr..ro", "r.rr.rr.r.rr.rr."),
        "chords": ("stab", "pad"), "comping": ("x..x..x...x..x..", "x---------------", "......x.......x."),
        "lead": ("square-lead", "saw-lead", "bell"), "arpeggio": ("pluck", "square-lead"),
        "minor": 0.95, "progressions": ("drone", "minor-loop"), "melody_density": 0.6,
    },
    "trance": {
        "bpm": (130, 142), "kits": ("techno", "house"), "ducking": 0.75, "room_s": 2.4,
        "grooves": (
            {"kick": _FOUR, "open": "..8...8...8...8.", "clap": "....8.......8...", "hat": "5.5.5.5.5.5.5.5."},
            {"kick": _FOUR, "open": "..8...8...8...8.", "snare": "....7.......7...", "ride": "7.7.7.7.7.7.7.7."},
        ),
        "bass": ("saw-bass",), "bass_lines": (".rrr.rrr.rrr.rrr", "..r-..r-..r-..r-", ".ror.ror.ror.ror"),
        "chords": ("super-saw", "pad"), "comping": ("x---------------", "x--x--x-x--x--x-"),
        "lead": ("super-saw", "saw-lead"), "arpeggio": ("pluck", "saw-lead"),
        "minor": 0.9, "progressions": ("minor-loop", "epic"), "melody_density": 1.2,
    },
    "hiphop": {
        "bpm": (84, 102), "kits": ("808", "acoustic", "break"), "room_s": 0.7,
        "grooves": (
            {"kick": "9......79..7....", "snare": _BACK, "hat": "8.5.8.5.8.5.8.56"},
            {"kick": "9.7.......8..7..", "snare": _BACK, "hat": "7.7.7.7.7.777.7.", "rim": "..........5....."},
            {"kick": "9..7......9.....", "snare": "....9..3.3..9...", "hat": "8.6.8.6.8.6.8.6.", "open": "..............7."},
        ),
        "bass": ("808", "upright", "sub"), "bass_lines": ("r-----.rr--f....", "r--.......r--.a.", "r-..r-....r-..o."),
        "chords": ("e-piano", "piano", "strings"), "comping": ("x-------x-----x-", "x--.....x--.....", "x-----x-----x---"),
        "lead": ("vocal-chop", "bell", "flute", "muted-guitar"),
        "minor": 0.75, "sevenths": 0.7, "progressions": ("minor-loop", "jazz"),
        "swing": ((0.5, 0.53), (0.52, 0.62)), "melody_density": 1.0, "loose_ms": 4.0,
    },
    "trap": {
        "bpm": (65, 78), "kits": ("808",), "room_s": 1.2,
        "grooves": (
            {"kick": "9......7..9.....", "snare": "........9.......", "hat": "7575757577757575"},
            {"kick": "9..7..9.....7...", "clap": "........9.......", "hat": "7.7.7.7.77777.77", "open": "..............6."},
        ),
        "bass": ("808",), "bass_lines": ("r------r--r-----", "r--r--r-----f---"),
        "chords": ("bell", "pad", "piano"), "comping": ("x-------x-------", "x---------------"),
        "lead": ("bell", "flute", "vocal-chop"), "arpeggio": ("bell", "pluck"),
        "minor": 1.0, "progressions": ("minor-loop", "drone"), "melody_density": 1.3,
    },
    "pop": {
        "bpm": (96, 124), "kits": ("house", "acoustic", "808"), "ducking": 0.3, "room_s": 1.1,
        "grooves": (
            {"kick": "9.....7.9.......", "snare": _BACK, "hat": "8.6.8.6.8.6.8.6."},
            {"kick": "9...9...9...9...", "clap": _BACK, "hat": "7.8.7.8.7.8.7.8.", "shaker": "4545454545454545"},
            {"kick": "9..7..9.....9...", "snare": _BACK, "hat": "8585858585858585", "tambourine": "....7.......7..."},
        ),
        "bass": ("finger-bass", "saw-bass", "square-bass"),
        "bass_lines": ("r-r-r-r-r-r-r-r-", "r-----r-r-----f-", "r--r--r-r--r--o-"),
        "chords": ("piano", "guitar", "pad", "super-saw"),
        "comping": ("x---x---x---x---", "x-----x-----x---", "x---------------", "x-x-x-x-x-x-x-x-"),
        "lead": ("vocal-chop", "saw-lead", "flute", "square-lead"), "arpeggio": ("pluck", "bell", "guitar"),
        "minor": 0.35, "progressions": ("pop",), "melody_density": 1.4,
    },
    "kpop": {
        "bpm": (104, 132), "kits": ("house", "808"), "ducking": 0.4, "room_s": 1.0,
        "grooves": (
            {"kick": "9...9...9...9..7", "snare": "....9..4....9.4.", "hat": "8.68..688.68..68", "clap": "....6.......6..."},
            {"kick": "9..7..9...7.9...", "snare": _BACK, "hat": "7575757575757575", "cowbell": "..5...5...5...5."},
            {"kick": "9.....9..7..9...", "clap": "....9.......9.77", "hat": "8.8.8.8.8.8.8888", "shaker": "5.5.5.5.5.5.5.5."},
        ),
        "bass": ("slap-bass", "saw-bass", "reese"), "bass_lines": ("r..ro..rr..rf.o.", "r-.rr-.or-.rf-s.", "..r-..rr..r-.o.."),
        "chords": ("stab", "super-saw", "brass", "e-piano"), "comping": ("x..x..x.....x.x.", "..x...x...x..x..", "x---....x---...."),
        "lead": ("saw-lead", "vocal-chop", "brass", "bell"), "arpeggio": ("pluck", "square-lead"),
        "minor": 0.7, "sevenths": 0.4, "progressions": ("pop", "minor-loop"), "melody_density": 1.5,
    },
    "breakbeat": {
        "bpm": (100, 138), "kits": ("break", "acoustic"), "room_s": 0.8,
        "grooves": (
            {"kick": "9.9.......99....", "snare": "....9..4.4..9..4", "hat": "8.8.8.8.8.8.8.8."},
            {"kick": "9.....9...9..7..", "snare": "....9..5....9.5.", "ride": "8...8...8...8...", "hat": "..7...7...7...7."},
            {"kick": "9..9......9.9...", "snare": "....9.......9..7", "hat": "8585858585858585", "open": "......7.......7."},
        ),
        "bass": ("reese", "finger-bass", "sub"), "bass_lines": ("r--r......r-.o..", "r-r-....r-..f-s-", "r.....r...r.r.a."),
        "chords": ("stab", "e-piano", "brass"), "comping": ("x.......x..x....", "...x......x.....", "x---------------"),
        "lead": ("square-lead", "brass", "muted-guitar"),
        "minor": 0.85, "sevenths": 0.5, "progressions": ("minor-loop", "drone"), "melody_density": 1.1, "loose_ms": 3.0,
    },
    "funk": {
        "bpm": (96, 116), "kits": ("acoustic", "break"), "room_s": 0.6,
        "grooves": (
            {"kick": "9.....9..7..9...", "snare": "....9..3.3..9..3", "hat": "8686868686868686"},
            {"kick": "9.9....7..9.....", "snare": "....9..3.4.39...", "hat": "8.6.8.6.8.6.8.6.", "open": "..............7.",
             "tambourine": "....6.......6..."},
        ),
        "bass": ("slap-bass", "finger-bass"), "bass_lines": ("r.r..o.r..f.s.o.", "r..o.rs...r.f.a.", "r.rro...r.fso..a"),
        "chords": ("muted-guitar", "e-piano", "brass", "organ"),
        "comping": ("..x..x.x..x..x.x", "x..xx..x.xx.x..x", "......x.......xx"),
        "lead": ("brass", "sax", "trumpet", "square-lead"),
        "minor": 0.7, "sevenths": 0.9, "progressions": ("drone", "jazz"),
        "swing": ((0.5, 0.5), (0.5, 0.58)), "melody_density": 1.2, "loose_ms": 3.0,
    },
    "disco": {
        "bpm": (108, 126), "kits": ("acoustic", "house"), "room_s": 1.2,
        "grooves": (
            {"kick": _FOUR, "snare": _BACK, "open": "..8...8...8...8.", "hat": "7.4.7.4.7.4.7.4.", "tambourine": "5.5.5.5.5.5.5.5."},
            {"kick": _FOUR, "snare": _BACK, "open": "..8...8...8...8.", "conga": "..5..66...5..66.", "cowbell": "6...6...6...6..."},
        ),
        "bass": ("finger-bass", "saw-bass"), "bass_lines": ("r.o.r.o.r.o.r.o.", "r-o-r-o-f-o-s-o-", "r..or.o.r..of.o."),
        "chords": ("strings", "muted-guitar", "e-piano"), "comping": ("x---------------", "..xx..xx..xx..xx", "x-......x-....x-"),
        "lead": ("strings", "brass", "trumpet"), "arpeggio": ("pluck",),
        "minor": 0.6, "sevenths": 0.7, "progressions": ("pop", "jazz", "minor-loop"), "melody_density": 1.2,
    },
    "rnb": {
        "bpm": (66, 94), "kits": ("808", "acoustic"), "room_s": 1.3,
        "grooves": (
            {"kick": "9.....7...9.....", "snare": "....8.......8...", "hat": "7.5.7.5.7.5.7555"},
            {"kick": "9..6......96....", "rim": "....9.......9...", "shaker": "6464646464646464", "hat": "..6...6...6...6."},
        ),
        "bass": ("sub", "finger-bass"), "bass_lines": ("r-----..r-..f-o-", "r--.......r-a-..", "r-----r-......s-"),
        "chords": ("e-piano", "pad", "guitar"), "comping": ("x-----x---------", "x---------x---..", "x------x--------"),
        "lead": ("vocal-chop", "e-piano", "sax"),
        "minor": 0.6, "sevenths": 0.95, "progressions": ("jazz", "pop"),
        "swing": ((0.5, 0.5), (0.54, 0.64)), "melody_density": 1.3, "loose_ms": 5.0,
    },
}  # fmt: skip
