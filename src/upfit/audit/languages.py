"""The language of a text, told by its function words: the short words that nothing can be said without."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

_WORDS = {
    "English": "a an in on at as by be so no go come get got up out all had has an am into more "
    "then than too "
    "don't im u ur ha ok just now new one two time day good make take tell turn set what's it's i'm "
    "the of and to is that it for was with this you not are from have they which what when there "
    "would could should been will how your please my me do did does can i he she we his her their "
    "if or but",
    "French": "la de un que en tu me le les des est une dans pour qui que avec sur pas sont il elle "
    "nous vous ce cette je ne aux "
    "du et mais ou où être très plus fait quel quelle comme leur mon ses c'est n'est j'ai qu'il "
    "aujourd'hui",
    "German": "der das und ist nicht ein eine einen dem den mit sich auf für von auch wie wir sie ich es "
    "bei nach aus oder aber wenn wird wurde sind haben kann noch mein ihr zum zur über bitte "
    "morgen schon",
    "Spanish": "la de que en un me tu el los las una por con para que del es está como más pero sus "
    "su lo muy también hay esta "
    "este cuando donde qué porque entre ser son y mi yo nosotros ellos tiene hacer puede sin "
    "sobre hasta",
    "Italian": "la un in le tu il gli di che è una per non con sono della nel alla questo questa "
    "anche più ma ho ha come "
    "dei delle perché lo mi ti ci si ed essere dove quando molto sul dal nella cosa fare tutto",
    "Portuguese": "de que um me o os uma não com para que do da dos das em no na é mais por foi ser "
    "está como mas eu você "
    "ele ela isso também muito seu sua são quando porque pelo pela até fazer tem nós",
    "Dutch": "de het een van en niet dat op te met zijn voor maar ook aan er naar bij nog wel deze wordt "
    "heeft kan ik je wij hij zij hun als uit door over geen wat waar mijn worden",
    "Swedish": "och att det som en på är av för med inte jag den till har de ett om man var men han hon vi "
    "från när också eller kan ska mycket bara mig sig så efter",
    "Danish or Norwegian": "og at det som en på er af av for med ikke jeg den til har de et om man "
    "var men han hun vi "
    "fra når også eller kan skal meget bare mig meg sig seg så efter etter",
    "Polish": "nie się na jest to że w z do jak ale co po tak za od czy przez był dla jego tym już może "
    "tylko jestem są ich jej mnie bardzo gdzie kiedy",
    "Turkish": "bir ve bu için da de ne ile çok var gibi daha ama ben sen o değil mi olarak kadar sonra en "
    "olan şey nasıl neden yok bana",
    "Indonesian": "yang dan di itu dengan untuk tidak ini dari dalam akan pada juga saya ke karena ada bisa "
    "kamu kami mereka sudah apa atau adalah oleh",
    "Romanian": "de un și în este nu pe cu la din care mai să pentru sunt dar ce o un că au fost "
    "lui sau după când "
    "foarte acest această",
    "Finnish": "ja on ei se että oli hän mutta ovat kun niin mitä myös jos tai kuin olen minä sinä tämä joka "
    "vain nyt hyvin",
    "Russian": "и в не на что он с как это по но они мы к у за то все так его от для из было она я вы бы "
    "если",
    "Ukrainian": "і в не на що він з як це та але вони ми до у за то всі так його від для із було "
    "вона я ви є",
}
_LANGUAGES: defaultdict[str, set[str]] = defaultdict(set)
for _name, _words in _WORDS.items():
    for _word in _words.split():
        _LANGUAGES[_word].add(_name)
_TOKEN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
LEAST, SHARE = 1.5, 0.25
"""How many more function words a text has to have of one language than of any other, and which
share of its words they have to be: names and slang have some of any language."""


def language(text: str) -> str:
    """The language of a text of some words; "" where too little speaks for one.

    Words that several languages share count for each in part.

    >>> language("est-ce que tu peux me dire où est la gare la plus proche")
    'French'
    >>> language("weather for Paris"), language("ok")
    ('', '')
    """
    scores: Counter[str] = Counter()
    known: Counter[str] = Counter()
    words = set(_TOKEN.findall(text[:600].lower().replace("’", "'")))
    for word in words:
        for name in _LANGUAGES.get(word, ()):
            scores[name] += 1 / len(_LANGUAGES[word])  # type: ignore[assignment]
            known[name] += 1
    (best, most), second = (scores.most_common(1) or [("", 0)])[0], scores.most_common(2)[1:]
    ahead = most - (second[0][1] if second else 0)
    return best if ahead >= LEAST and known[best] >= SHARE * len(words) else ""
