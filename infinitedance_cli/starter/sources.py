"""What the recorded dances are: genre, credit, licence and side of the split of every file, by its name."""

from __future__ import annotations

from dataclasses import dataclass

OTHER = "other"
"""Genre of motion that is no dance; it trains the tokeniser only."""


@dataclass(frozen=True)
class Recording:
    """One recorded file: its folder, genre (`OTHER` for no dance), and whether it is held out of training."""

    source: str
    genre: str
    held_out: bool = False


@dataclass(frozen=True)
class Credit:
    """Licence and attribution of a folder of recordings."""

    licence: str
    credit: str


CREDITS: dict[str, Credit] = {
    "g1_moves": Credit("CC BY 4.0", "G1 Moves, experientialtech"),
    "cmu_mocap": Credit("CMU mocap: free for all uses", "mocap.cs.cmu.edu, created with funding from NSF EIA-0196217"),
    "perfume": Credit("MIT", "Perfume Dev Team 2012"),
    "animated_drawings": Credit("MIT", "Animated Drawings, Meta"),
    "aistpp": Credit("CC BY 4.0", "AIST++ authors (Google), AIST Dance Video Database"),
}

_G1_GENRES: dict[str, str] = {
    "B_DadDance": "disco",
    "B_LongDance": "urban",
    "B_SpiralDance": "contemporary",
    "B_StretchDance": "contemporary",
    "B_WiggleDance": "disco",
    "J_Dance0_StepTouch": "disco",
    "J_Dance1_Modern": "modern",
    "J_Dance2_Salsa": "salsa",
    "J_Dance3_Woah": "urban",
    "J_Dance4_Broadway": "jazz",
    "J_Dance5_Hype": "hip-hop",
    "J_Dance6_Sassy": "street-jazz",
    "J_Dance7_Party": "disco",
    "J_Dance8_WestCoast": "la-hip-hop",
    "J_Dance9_PeaceMaker": "urban",
    "J_Dance11_Gnarly": "k-pop",
    "J_Dance12_LushLife": "street-jazz",
    "J_ShortDance13_SingleLadies": "street-jazz",
    "J_ShortDance14_Disco": "disco",
    "J_ShortDance15_Nineties": "hip-hop",
    "J_ShortDance16_JazzWalk": "jazz",
    "J_Dance17_Shuffle": "house",
    "J_Dance18_TikTok": "k-pop",
    "J_Dance19_LetsGO": "urban",
    "J_Dance20_DWG": "urban",
    "J_Dance21_Blunt": "la-hip-hop",
    "J_Dance22_Thrilling": "street-jazz",
    "J_Dance23_MidnightSun": "k-pop",
}
"""Read off the clips' titles; the titles name songs as often as styles, so some are a judgement."""

_G1_HELD_OUT = {
    "B_WiggleDance",
    "J_Dance4_Broadway",
    "J_Dance5_Hype",
    "J_Dance12_LushLife",
    "J_ShortDance14_Disco",
}

# CMU 05 by its catalogue: 1 is a walk; arms, folding and bending is modern; named positions and jumps are ballet.
_CMU05_MODERN = {"02", "03", "04", "11", "12"}
# 03/04, 09/10, 14/15, 16/17 and 18/19/20 repeat one another, so none of these is held out.
_CMU05_HELD_OUT = {"07", "11", "13"}
_CMU85_HELD_OUT = {"04"}

AISTPP_GENRES: dict[str, str] = {
    "gBR": "breaking",
    "gPO": "popping",
    "gLO": "locking",
    "gMH": "hip-hop",
    "gLH": "la-hip-hop",
    "gHO": "house",
    "gWA": "waacking",
    "gKR": "krump",
    "gJS": "street-jazz",
    "gJB": "ballet-jazz",
}
_AISTPP_HELD_OUT = {"d05", "d11", "d15", "d24", "d18", "d21", "d26", "d30", "d03", "d09"}

_VALIDATION = {"J_Dance12_LushLife", "J_Dance5_Hype", "005_11", "85_04"}
_AISTPP_VALIDATION = {"d05", "d11", "d18", "d24", "d30"}
"""Every other held-out recording of a source by name, from the second on; of AIST++ every other dancer by number."""


def describe(folder: str, stem: str) -> Recording:
    """The recording called `stem` of a `folder`; motion that no rule names is `OTHER` and trains."""
    if folder == "g1_moves":
        kind, _, title = stem.partition("__")
        genre = _G1_GENRES.get(title, OTHER) if kind == "dance" else OTHER
        return Recording(folder, genre, title in _G1_HELD_OUT)
    if folder == "cmu_mocap":
        return _describe_cmu(folder, stem)
    if folder == "perfume":
        # Three dancers share one choreography: all on one side.
        return Recording(folder, "j-pop")
    if folder == "aistpp":
        return Recording(folder, AISTPP_GENRES.get(stem[:3], OTHER), _dancer(stem) in _AISTPP_HELD_OUT)
    return Recording(folder, "disco" if stem == "jesse_dance" else OTHER)


def is_validation(folder: str, stem: str) -> bool:
    """Whether a held-out recording may choose settings; the others only measure what was chosen."""
    if folder == "aistpp":
        return _dancer(stem) in _AISTPP_VALIDATION
    return stem.partition("__")[2] in _VALIDATION or stem in _VALIDATION


def _dancer(stem: str) -> str:
    return next((part for part in stem.split("_") if part[:1] == "d" and part[1:].isdigit()), "")


def _describe_cmu(folder: str, stem: str) -> Recording:
    subject, _, trial = stem.partition("_")
    if subject == "005" and trial != "01":
        return Recording(folder, "modern" if trial in _CMU05_MODERN else "ballet", trial in _CMU05_HELD_OUT)
    if subject == "85":
        return Recording(folder, "breaking", trial in _CMU85_HELD_OUT)
    return Recording(folder, "modern" if stem.startswith("55_01") else OTHER)
