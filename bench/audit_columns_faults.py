"""Faults planted in single columns of real tables and texts. See `audit_columns.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Rng = np.random.Generator
Numbers = npt.NDArray[np.float64]
Written = list[Any]


def number_columns(frame: pd.DataFrame, target: str, *, positive: bool = True) -> list[str]:
    """Columns of more than ten different numbers, by default all of them above nought."""
    return [
        name
        for name in frame.columns
        if name != target
        and pd.api.types.is_numeric_dtype(frame[name])
        and frame[name].nunique() > 10
        and (not positive or frame[name].min() > 0)
    ]


def _places(rng: Rng, count: int, share: float) -> npt.NDArray[np.bool_]:
    return rng.random(count) < share


def two_units(values: Numbers, rng: Rng) -> Written:
    """Kilograms, three in ten of them as grams."""
    small = _places(rng, len(values), 0.3)
    return [
        f"{1000 * one:.10g} g" if less else f"{one:.10g} kg" for one, less in zip(values, small, strict=True)
    ]


def one_unit(values: Numbers, rng: Rng) -> Written:
    """One unit behind every number."""
    return [f"{one:.10g} cm" for one in values]


def decimal_commas(values: Numbers, rng: Rng) -> Written:
    """3,50."""
    return [f"{one:.2f}".replace(".", ",") for one in values]


def mixed_decimals(values: Numbers, rng: Rng) -> Written:
    """3.50, three in ten of them 3,50."""
    comma = _places(rng, len(values), 0.3)
    plain = [f"{one:.2f}" for one in values]
    return [one.replace(".", ",") if other else one for one, other in zip(plain, comma, strict=True)]


def thousands(values: Numbers, rng: Rng) -> Written:
    """1,234.50, in thousands of what the column counts."""
    return [f"{1000 * one:,.2f}" for one in values]


def money(values: Numbers, rng: Rng) -> Written:
    """$1,200.00 and 1200 USD."""
    behind = _places(rng, len(values), 0.5)
    return [f"{one:.2f} USD" if last else f"${one:,.2f}" for one, last in zip(values, behind, strict=True)]


NUMBERS: dict[str, tuple[Callable[[Numbers, Rng], Written], float]] = {
    "kilograms and grams": (two_units, 1.0),
    "one unit behind every number": (one_unit, 1.0),
    "decimal commas": (decimal_commas, 1.0),
    "decimal commas and points": (mixed_decimals, 1.0),
    "thousands' commas": (thousands, 1000.0),
    "two ways of writing dollars": (money, 1.0),
}
"""Ways of writing → how it is done, and what a number read well is, times the column's."""

_DATES = (
    "%Y-%m-%d",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%Y/%m/%d",
    "%d %b %Y",
    "%b %d, %Y",
    "%d-%m-%Y",
    "%d.%m.%y",
)


def days(values: Numbers) -> pd.Series:
    """A real column's ranks as days from the first of January 2019 on."""
    ranks = pd.Series(values).rank(method="first").to_numpy() * 1500 / len(values)
    return pd.Series(pd.Timestamp("2019-01-01") + pd.to_timedelta(ranks.astype(int), unit="D"))


def two_writings(values: Numbers, rng: Rng) -> tuple[Written, str]:
    """Days in two of nine ways of writing, the second in three rows of ten."""
    first, second = rng.choice(len(_DATES), 2, replace=False)
    if {_DATES[first], _DATES[second]} == {"%d/%m/%Y", "%m/%d/%Y"}:
        second = 0  # 3/4/2024 in both ways is a riddle, and no matter of writing
    other = _places(rng, len(values), 0.3)
    dated = days(values)
    chosen = [_DATES[second] if one else _DATES[first] for one in other]
    written = [day.strftime(how) for day, how in zip(dated, chosen, strict=True)]
    return written, f"{_DATES[first]} and {_DATES[second]}"


def negated(values: Numbers, rng: Rng) -> tuple[Numbers, npt.NDArray[np.int64]]:
    """Three numbers with the sign turned."""
    rows = rng.choice(len(values), 3, replace=False)
    changed = values.copy()
    changed[rows] *= -1
    return changed, rows


def coded(values: Numbers, rng: Rng) -> tuple[Numbers, npt.NDArray[np.int64]]:
    """One row in fifty holds 999, or the next code beyond the column, for "unknown"."""
    rows = rng.choice(len(values), max(3, len(values) // 50), replace=False)
    code = next((one for one in (999.0, 9999.0, 99999.0, 999999.0) if one > 1.5 * np.nanmax(values)), -1.0)
    changed = values.copy()
    changed[rows] = code
    return changed, rows


def misplaced_points(values: Numbers, rng: Rng) -> tuple[Numbers, npt.NDArray[np.int64]]:
    """Two numbers a thousand times too large."""
    rows = rng.choice(len(values), 2, replace=False)
    changed = values.copy()
    changed[rows] *= 1000
    return changed, rows


SIGNS = {
    "three numbers with the sign turned": negated,
    "a code such as 999 in 2 % of rows": coded,
    "two numbers a thousand times too large": misplaced_points,
}

HEADERS = (
    "This message was sent to you from an unmonitored address, please do not reply.",
    "Reviewed by the editorial team and published under the terms of use of this site. ",
    "CONFIDENTIAL: this communication is intended for the named recipient only.",
)
TAGS = (
    "<br />",
    "<p>{}</p>",
    "<b>{}</b>",
    "{}&nbsp;",
    "<a href='http://x.y'>{}</a>",
    "{} &amp; more",
    "<i>{}</i>",
)


def tagged(text: str, rng: Rng) -> str:
    """A text with one of seven pieces of HTML."""
    tag = TAGS[int(rng.integers(len(TAGS)))]
    return tag.format(text) if "{}" in tag else f"{text} {tag} {text}"


HOMOGLYPHS = dict(zip("aceopxyABCEHKMOPTX", "асеорхуАВСЕНКМОРТХ", strict=True))


def disguised(text: str, rng: Rng) -> str:
    """Two Latin letters of a text as the Cyrillic ones that look the same."""
    spots = [place for place, sign in enumerate(text) if sign in HOMOGLYPHS]
    for place in rng.choice(spots, min(2, len(spots)), replace=False).tolist():
        text = text[:place] + HOMOGLYPHS[text[place]] + text[place + 1 :]
    return text


FOREIGN: dict[str, Sequence[str]] = {
    "French": (
        "quand est-ce que les invités arrivent demain matin",
        "mets un peu de musique pour la fête des enfants",
        "elle ne veut plus parler avec son ancien patron",
        "combien coûte le billet de bus",
    ),
    "German": (
        "kannst du mir sagen, wann der Laden heute schließt",
        "mach bitte das Licht im Wohnzimmer aus",
        "er wollte nur noch nach Hause und schlafen",
        "wie viel kostet eine Fahrkarte nach Hamburg",
    ),
    "Spanish": (
        "pon la alarma para las seis de la mañana",
        "mi hermana no quiere comer carne desde hace un año",
        "cuánto cuesta el billete de autobús a Madrid",
        "apaga las luces del salón cuando salgas",
    ),
    "Italian": (
        "metti la sveglia alle sei di domani mattina",
        "mia sorella non mangia più la carne da un anno",
        "quanto costa il biglietto per la partita di sabato",
        "spegni le luci quando esci dalla cucina",
    ),
    "Portuguese": (
        "coloque o alarme para as seis da manhã",
        "minha irmã não come mais carne desde o ano passado",
        "quanto custa uma passagem de ônibus para São Paulo",
        "apague as luzes da sala quando você sair",
    ),
    "Dutch": (
        "zet de wekker op zes uur in de ochtend",
        "mijn zus eet al een jaar geen vlees meer",
        "hoeveel kost een kaartje voor de trein naar Gent",
        "doe het licht in de keuken uit als je weggaat",
    ),
    "Polish": (
        "ustaw budzik na szóstą rano i nie zapomnij",
        "moja siostra nie je mięsa już od roku",
        "ile kosztuje bilet do Gdańska na jutro",
        "zgaś światło w kuchni jak będziesz wychodzić",
    ),
    "Turkish": (
        "sabah altı için alarm kur ve bana haber ver",
        "kız kardeşim bir yıldır et yemiyor ama balık yiyor",
        "İzmir için otobüs bileti ne kadar",
        "mutfaktan çıkarken ışıkları kapat ve kapıyı kilitle",
    ),
}
"""Everyday sentences, written for this measurement after the check was settled."""


def joined_labels(labels: Sequence[str], mark: str, rng: Rng) -> list[str]:
    """Each label, in three rows of ten with another behind it."""
    classes = sorted(set(labels))
    second = rng.choice(classes, len(labels))
    twice = _places(rng, len(labels), 0.3)
    return [
        f"{one}{mark}{other}" if both and one != other else one
        for one, other, both in zip(labels, second, twice, strict=True)
    ]


def recoded(values: pd.Series, rng: Rng) -> pd.Series:
    """The same column in other words."""
    names = values.dropna().unique()
    other = rng.permutation([f"code {number}" for number in range(len(names))])
    return values.map(dict(zip(names, other, strict=True)))
